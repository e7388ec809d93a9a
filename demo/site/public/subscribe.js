// The site's own payment form: a subscription that waits for its payment, and Stripe's Payment Element.
import { ask, isBusy, loadStripe, money, say, setBusy } from "/billing.js";

const form = document.getElementById("payment-form");
const button = document.getElementById("submit");
const problem = document.getElementById("problem");
const outcomePage = `${location.origin}/billing/outcome`;
const { plan, interval } = form.dataset;

function showOrder(plans) {
	const { prices } = plans.find(({ name }) => name === plan);
	const price = prices.find((one) => !interval || one.interval === interval);
	document.getElementById("price").textContent =
		`${money(price.unit_amount, price.currency)} a ${price.interval}, beginning today`;
}

// A free beginning needs no payment, and a trial may need a card only.
async function open() {
	const [{ stripe, plans }, order] = await Promise.all([
		loadStripe(), ask("create-subscription", { plan, interval })]);
	if (order.type === "none") return location.replace(`${outcomePage}?redirect_status=succeeded`);
	showOrder(plans);
	const elements = stripe.elements({ clientSecret: order.clientSecret });
	const element = elements.create("payment");
	element.on("ready", () => setBusy(button, false));
	element.mount("#payment-element");
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		if (!isBusy(button)) pay(stripe, elements, order);
	});
}

// It was paid meanwhile, in another tab perhaps.
function isPaid(error) {
	return ["succeeded", "processing"].includes((error.payment_intent || error.setup_intent)?.status);
}

async function pay(stripe, elements, order) {
	setBusy(button, true);
	say(problem, "");
	const confirm = order.type === "setup" ? stripe.confirmSetup : stripe.confirmPayment;
	const { error } = await confirm({ elements, confirmParams: { return_url: outcomePage } });
	// Who comes here has not paid: otherwise Stripe goes to the outcome page.
	if (isPaid(error)) return location.assign(`${outcomePage}?${order.type}_intent_client_secret=${order.clientSecret}`);
	say(problem, error.message);
	setBusy(button, false);
}

// A page that comes back with the Back button begins anew.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

try {
	await open();
} catch (error) {
	form.hidden = true;
	say(problem, error.message);
}
