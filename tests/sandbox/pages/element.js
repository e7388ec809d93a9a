// The Payment Element, inside its frame: what is typed here stays here; the page gets a PaymentMethod's id.
"use strict";

const form = document.getElementById("element");
const problem = document.getElementById("error");
const digits = (name) => form.elements[name].value.replace(/[\s-]/g, "");
const kind = () => form.elements.method.value;

const expiry = () => digits("cardExpiry").split("/");
const needs = {
	card: [
		["cardNumber", "incomplete_number", "Your card number is incomplete.", () => digits("cardNumber").length > 11],
		["cardExpiry", "incomplete_expiry", "Your card's expiration date is incomplete.",
			() => /^\d{1,2}\/(\d{2}|\d{4})$/.test(digits("cardExpiry"))],
		["cardCvc", "incomplete_cvc", "Your card's security code is incomplete.",
			() => /^\d{3,4}$/.test(digits("cardCvc"))],
	],
	sepa_debit: [["iban", "incomplete_iban", "Your IBAN is incomplete.", () => digits("iban").length > 14]],
	au_becs_debit: [
		["bsb", "incomplete_au_bank_account", "Your BSB is incomplete.", () => /^\d{6}$/.test(digits("bsb"))],
		["accountNumber", "incomplete_au_bank_account", "Your account number is incomplete.",
			() => /^\d{5,9}$/.test(digits("accountNumber"))],
	],
};
const owner = [
	["billingName", "incomplete_name", "Please provide your name.", () => form.elements.billingName.value.trim() !== ""],
	["email", "incomplete_email", "Please provide your e-mail.", () => /^\S+@\S+\.\S+$/.test(form.elements.email.value)],
];

// The first field that is not filled in, as Stripe.js says it, or null.
function missing(billing) {
	const given = { billingName: billing.name, email: billing.email };
	const all = kind() === "card" ? needs.card : [...needs[kind()], ...owner.filter(([name]) => !given[name])];
	const wrong = all.find(([, , , filled]) => !filled());
	return wrong ? { field: wrong[0], type: "validation_error", code: wrong[1], message: wrong[2] } : null;
}

function check(billing = {}) {
	const wrong = missing(billing);
	problem.hidden = !wrong;
	problem.textContent = wrong ? wrong.message : "";
	if (!wrong) return {};
	form.elements[wrong.field].focus();
	return { error: { type: wrong.type, code: wrong.code, message: wrong.message } };
}

const details = {
	card: () => ({
		"card[number]": digits("cardNumber"), "card[cvc]": digits("cardCvc"),
		"card[exp_month]": expiry()[0], "card[exp_year]": expiry()[1],
	}),
	sepa_debit: () => ({ "sepa_debit[iban]": digits("iban") }),
	au_becs_debit: () => ({
		"au_becs_debit[bsb_number]": digits("bsb"), "au_becs_debit[account_number]": digits("accountNumber"),
	}),
};

function parameters(billing) {
	const fields = new URLSearchParams({ type: kind(), ...details[kind()]() });
	const name = form.elements.billingName.value || billing.name;
	const email = form.elements.email.value || billing.email;
	if (name) fields.set("billing_details[name]", name);
	if (email) fields.set("billing_details[email]", email);
	for (const [field, value] of Object.entries(billing.address || {})) {
		if (value) fields.set(`billing_details[address][${field}]`, value);
	}
	return fields;
}

async function createMethod({ headers, billing }) {
	const wrong = check(billing);
	if (wrong.error) return wrong;
	const answer = await fetch("/v1/payment_methods", { method: "POST", headers, body: parameters(billing) });
	const body = await answer.json();
	return answer.ok ? { paymentMethod: body } : { error: body.error };
}

const acts = {
	submit: async () => ({ ...check(), selectedPaymentMethod: kind() }),
	createMethod,
	focus: async () => form.elements[missing({})?.field || "cardNumber"].focus(),
};

addEventListener("message", async ({ source, data }) => {
	const asked = data.stripe;
	if (source !== parent || !asked) return;
	const result = await acts[asked.act](asked);
	source.postMessage({ sandbox: { type: "answer", id: asked.id, result } }, "*");
});

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
	problem.hidden = true;
	const empty = ![...form.querySelectorAll("input:not([type=radio])")].some((input) => input.value);
	const state = { complete: !missing({}), empty, collapsed: false, value: { type: kind() } };
	parent.postMessage({ sandbox: { type: "change", state } }, "*");
});
form.addEventListener("focusin", () => parent.postMessage({ sandbox: { type: "focus" } }, "*"));
form.addEventListener("focusout", () => parent.postMessage({ sandbox: { type: "blur" } }, "*"));
parent.postMessage({ sandbox: { type: "ready" } }, "*");
