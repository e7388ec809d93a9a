// Paying what is open, and paying with something else from now on: the Payment Element in a dialog.
import { ask, loadStripe, money, untilRunning } from "/billing.js";
import { openDialog } from "/dialog.js";

const PAYABLE = ["past_due", "unpaid", "incomplete"];
const UNPAID = "The payment failed, and nothing was charged.";
const UNSAVED = "Nothing new was saved; you pay as before.";
const OUTCOMES = {
	succeeded: "Thank you, that is paid.",
	processing: "Your payment is on its way. Your bank will take a while.",
};

const dialog = document.getElementById("payment-dialog");
const account = document.getElementById("account");

function confirmation(confirm, elements) {
	return confirm({ elements, confirmParams: { return_url: `${location.origin}/account` }, redirect: "if_required" });
}

// The intent once it is confirmed, or null when the visitor leaves the dialog.
async function confirmIn(title, clientSecret, verb) {
	const { stripe } = await loadStripe();
	const elements = stripe.elements({ clientSecret });
	const element = elements.create("payment");
	let result = null;
	dialog.querySelector("h2").textContent = title;
	element.mount("#payment-element");
	const done = await openDialog(dialog, async () => {
		result = await confirmation(stripe[verb], elements);
		if (result.error) throw new Error(result.error.message);
	});
	element.destroy();
	return done ? result.paymentIntent || result.setupIntent : null;
}

// Bank debits may fail after the subscription has begun; the gate then says so.
export function isPayable({ status }) {
	return PAYABLE.includes(status) || account.dataset.reason === "payment_failed";
}

export async function pay(subscription) {
	const { clientSecret, amountDue } = await ask("pay-invoice", { subscriptionId: subscription.id });
	if (!clientSecret) return OUTCOMES.succeeded;
	const [{ price }] = subscription.items.data;
	const title = price.currency ? `Pay ${money(amountDue, price.currency)}` : "Pay";
	const intent = await confirmIn(title, clientSecret, "confirmPayment");
	return intent ? settled(intent.status) : "";
}

async function settled(status) {
	if (status === "succeeded") await untilRunning();
	if (OUTCOMES[status]) account.dataset.reason = "";
	return OUTCOMES[status] || UNPAID;
}

// Takes back a cancellation that is to come, or goes on after a pause, which may have to be paid for.
export async function resume(subscription) {
	const { clientSecret } = await ask("resume-subscription", { subscriptionId: subscription.id });
	if (!clientSecret) return "Your subscription goes on.";
	const intent = await confirmIn("Pay, and go on", clientSecret, "confirmPayment");
	return intent ? settled(intent.status) : "";
}

export async function replaceMethod(subscription) {
	const { clientSecret } = await ask("update-payment-method", { subscriptionId: subscription.id });
	const intent = await confirmIn("New card or bank account", clientSecret, "confirmSetup");
	return intent ? keepMethod(intent.id) : "";
}

async function keepMethod(setupIntentId) {
	const { status } = await ask("update-payment-method", { setupIntentId });
	return status === "succeeded" ? "From now on, this is what you pay with." : UNSAVED;
}

// Some banks ask on a page of their own, and come back here.
export async function finishReturn() {
	const query = new URLSearchParams(location.search);
	history.replaceState(null, "", location.pathname);
	if (query.has("setup_intent")) return keepMethod(query.get("setup_intent"));
	if (!query.has("payment_intent")) return "";
	return settled(query.get("redirect_status") === "pending" ? "processing" : query.get("redirect_status"));
}
