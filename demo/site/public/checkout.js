// Stripe's payment form, embedded in this page. Afterwards Stripe goes to the return page.
import { ask, loadStripe, say } from "/billing.js";

const place = document.getElementById("checkout");
const problem = document.getElementById("problem");

// While it is open, asking again answers the same session: the form is simply mounted again.
async function open() {
	const { plan, interval } = place.dataset;
	const [{ stripe }, { clientSecret }] = await Promise.all([
		loadStripe(), ask("create-checkout-session", { plan, interval, uiMode: "embedded_page" })]);
	const checkout = await stripe.createEmbeddedCheckoutPage({ fetchClientSecret: async () => clientSecret });
	checkout.mount("#checkout");
}

try {
	await open();
} catch (error) {
	place.replaceChildren();
	say(problem, error.message);
}
