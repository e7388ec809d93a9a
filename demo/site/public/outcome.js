// Where Stripe sends the customer after the site's own form: how did it end?
import { loadStripe, untilRunning } from "/billing.js";

const OUTCOMES = {
	succeeded: ["Welcome aboard", "Thank you. Your subscription has begun.", "/members/", "Open the tide tables"],
	processing: ["Your payment is on its way", "Your bank will take a while. Your account shows when it is there.",
		"/account", "Your account"],
	requires_payment_method: ["Not paid yet", "The payment failed, and nothing was charged. Please pay in another way.",
		document.referrer.includes("/subscribe?") ? document.referrer : "/pricing?pay=own", "Try again"],
	canceled: ["This order has expired", "Nothing was charged.", "/pricing?pay=own", "Back to the plans"],
	unknown: ["We cannot tell yet", "Your account will show the subscription as soon as it is there.",
		"/account", "Your account"],
};

const query = new URLSearchParams(location.search);

async function intentStatus() {
	const { stripe } = await loadStripe();
	const payment = query.get("payment_intent_client_secret");
	const setup = query.get("setup_intent_client_secret");
	if (payment) return (await stripe.retrievePaymentIntent(payment)).paymentIntent?.status;
	if (setup) return (await stripe.retrieveSetupIntent(setup)).setupIntent?.status;
	return query.get("redirect_status");
}

async function outcome() {
	try {
		const status = await intentStatus();
		if (status === "succeeded") await untilRunning();
		return OUTCOMES[status] ? status : "unknown";
	} catch {
		return "unknown";
	}
}

function show(name) {
	const [title, sentence, path, label] = OUTCOMES[name];
	const place = document.getElementById("outcome");
	const link = document.getElementById("next");
	document.getElementById("title").textContent = title;
	document.getElementById("sentence").textContent = sentence;
	Object.assign(link, { href: path, textContent: label, hidden: false });
	document.title = `${title} · Tideline`;
	place.dataset.outcome = name;
	place.setAttribute("aria-busy", false);
}

show(await outcome());
