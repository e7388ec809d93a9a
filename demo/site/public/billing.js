// What every page does with tollgate: ask it, and tell the visitor what came of it.

const SENTENCES = {
	already_subscribed: "You have this subscription already. Your account shows it.",
	identity_required: "You are no longer logged in. Please log in, and come back.",
	payment_due: "Please pay what is open first.",
	preview_expired: "That price was shown too long ago. Here is today's.",
	nothing_due: "There is nothing to pay.",
	use_portal: "This change is made under Manage billing.",
};
export const RUNNING = ["trialing", "active"];
const UNKNOWN = "That did not work. Please try again in a moment.";
const TRIES = 20;
const PAUSE = 250;

export class BillingError extends Error {
	constructor({ type, code, message } = {}) {
		super(SENTENCES[code] || (type === "card_error" ? message : UNKNOWN));
		this.code = code;
	}
}

// GET without a body, else POST.
export async function ask(endpoint, body) {
	const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
	const options = body && { method: "POST", body: JSON.stringify(body) };
	const answer = await fetch(`/billing/${endpoint}`, { headers, ...options }).catch(() => null);
	const data = await answer?.json().catch(() => null);
	if (!answer?.ok || !data) throw new BillingError(data?.error);
	return data;
}

export async function loadStripe() {
	const { publishableKey, plans } = await ask("config");
	return { stripe: Stripe(publishableKey), plans };
}

// Stripe tells the site a moment after it told the browser: nobody is sent to a page that is still closed.
export async function untilRunning() {
	for (let tries = 0; tries < TRIES; tries++) {
		const { subscriptions } = await ask("subscriptions");
		if (subscriptions.data.some(({ status }) => RUNNING.includes(status))) return;
		await new Promise((resolve) => setTimeout(resolve, PAUSE));
	}
}

// Into an element with aria-live or role=alert, so that a screen reader says it, too.
export function say(element, sentence) {
	element.textContent = sentence;
	element.hidden = sentence === "";
}

export function money(amount, currency) {
	const format = new Intl.NumberFormat("en", { style: "currency", currency });
	return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export function date(seconds, dateStyle = "long") {
	return new Date(seconds * 1000).toLocaleDateString("en-GB", { dateStyle });
}

// While it works, a second press does nothing; it keeps the focus.
export function setBusy(button, busy) {
	button.setAttribute("aria-disabled", busy);
	button.setAttribute("aria-busy", busy);
}

export function isBusy(button) {
	return button.getAttribute("aria-disabled") === "true";
}
