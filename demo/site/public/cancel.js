// Cancelling a subscription, now or at the end of what is paid.
import { ask, date } from "/billing.js";
import { openDialog } from "/dialog.js";

const ENDS_ONLY_NOW = ["past_due", "incomplete", "unpaid", "paused"];

export function isEnding(subscription) {
	return Boolean(subscription.cancel_at_period_end || subscription.cancel_at);
}

// The sentence that tells what was done, or "" when nothing was.
export async function cancel(subscription) {
	const dialog = document.getElementById("cancel-dialog");
	const later = dialog.querySelector("[value=period_end]");
	const onlyNow = ENDS_ONLY_NOW.includes(subscription.status);
	dialog.querySelector("form").reset();
	later.closest("label").hidden = onlyNow;
	dialog.querySelector(onlyNow ? "[value=now]" : "[value=period_end]").checked = true;
	dialog.querySelector("#period-end").textContent = date(subscription.current_period_end);
	const done = await openDialog(dialog, (fields) => ask("cancel-subscription", {
		subscriptionId: subscription.id, when: fields.get("when"),
		...(fields.get("feedback") && { feedback: fields.get("feedback") }),
	}));
	if (!done) return "";
	return dialog.querySelector("[value=now]").checked ? "Your subscription is cancelled."
		: `Your subscription ends on ${date(subscription.current_period_end)}.`;
}
