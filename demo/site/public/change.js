// Another plan: what it would cost, and making it so.
import { ask, loadStripe, money, RUNNING, say } from "/billing.js";
import { openDialog } from "/dialog.js";

const dialog = document.getElementById("change-dialog");
const choice = dialog.querySelector("select");
const lines = dialog.querySelector("tbody");
const due = dialog.querySelector("#due");

function option(plan, price) {
	const name = plan.name[0].toUpperCase() + plan.name.slice(1);
	return new Option(`${name}, ${money(price.unit_amount, price.currency)} a ${price.interval}`, price.id);
}

function options(plans, current) {
	return plans.flatMap((plan) => plan.prices.filter(({ id }) => id !== current).map((price) => option(plan, price)));
}

function row({ description, amount, currency }) {
	const line = document.createElement("tr");
	for (const text of [description, money(amount, currency)]) line.insertCell().textContent = text;
	return line;
}

function price({ total, amount_due, currency }) {
	return total < 0 ? `Nothing to pay now: ${money(-total, currency)} is kept for your next payments.`
		: `To be paid now: ${money(amount_due, currency)}`;
}

// Only the latest choice is shown, in whatever order the answers come.
async function preview(subscription) {
	const newPriceId = choice.value;
	say(due, "One moment…");
	lines.replaceChildren();
	const invoice = await ask("create-preview-invoice", { subscriptionId: subscription.id, newPriceId });
	if (choice.value !== newPriceId) return null;
	lines.replaceChildren(...invoice.lines.data.map(row));
	say(due, price(invoice));
	return { newPriceId, prorationDate: invoice.prorationDate };
}

// What the bank wants to know of her is asked now; until it is paid, the old plan goes on.
async function authenticate(stripe, clientSecret) {
	const { error } = await stripe.handleNextAction({ clientSecret });
	if (error) throw new Error(`${error.message} You keep the plan that you have.`);
}

// What is shown is what is paid: the server refuses a preview that is not of just this.
async function update(stripe, subscription, shown) {
	if (!shown) throw new Error("Please wait for the price.");
	const { clientSecret } = await ask("update-subscription", { subscriptionId: subscription.id, ...shown });
	if (clientSecret) await authenticate(stripe, clientSecret);
}

export function isChangeable(subscription) {
	return RUNNING.includes(subscription.status) && subscription.items.data.length === 1;
}

export async function change(subscription) {
	const { stripe, plans } = await loadStripe();
	let shown = null;
	const show = async () => {
		shown = null;
		shown = await preview(subscription).catch((error) => say(due, error.message));
	};
	choice.replaceChildren(...options(plans, subscription.items.data[0].price.id));
	choice.onchange = show;
	show();
	const done = await openDialog(dialog, () => update(stripe, subscription, shown).catch((error) => {
		if (error.code === "preview_expired") show();
		throw error;
	}));
	return done ? `Your plan is now ${choice.selectedOptions[0].text}.` : "";
}
