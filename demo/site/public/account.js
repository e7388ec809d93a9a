// The account: what there is to see and to do about each subscription, and the invoices.
import { ask, date, isBusy, money, RUNNING, say, setBusy } from "/billing.js";
import { cancel, isEnding } from "/cancel.js";
import { change, isChangeable } from "/change.js";
import { finishReturn, isPayable, pay, replaceMethod, resume } from "/payment.js";

const STATUSES = {
	trialing: "Trial", active: "Active", past_due: "Payment overdue", unpaid: "Unpaid", paused: "Paused",
	canceled: "Cancelled", incomplete: "Payment not finished", incomplete_expired: "Never paid",
};
const INVOICES = { draft: "Being made", open: "To be paid", paid: "Paid", uncollectible: "Not paid", void: "Void" };
const KINDS = { sepa_debit: "Bank account", au_becs_debit: "Bank account" };
const OVER = ["canceled", "incomplete_expired"];
const ACTS = [
	{ name: "pay", label: "Pay now", act: pay, isFor: isPayable },
	{ name: "change", label: "Change the plan", act: change, isFor: isChangeable },
	{ name: "card", label: "New card", act: replaceMethod, isFor: (one) => one.status !== "incomplete" },
	{ name: "resume", label: "Go on", act: resume, isFor: (one) => one.status === "paused" },
	{ name: "resume", label: "Keep it", act: resume, isFor: (one) => RUNNING.includes(one.status) && isEnding(one) },
	{ name: "cancel", label: "Cancel", act: cancel, isFor: (one) => !isEnding(one) },
];

const account = document.getElementById("account");
const message = document.getElementById("message");
const problem = document.getElementById("problem");

function capital(word) {
	return word ? word[0].toUpperCase() + word.slice(1) : "Subscription";
}

function amount(subscription) {
	const { data } = subscription.items;
	if (!data.every(({ price }) => price.unit_amount !== undefined)) return "";
	return money(data.reduce((sum, { price, quantity }) => sum + price.unit_amount * quantity, 0), data[0].price.currency);
}

function methodName(method) {
	const { brand, last4, exp_month, exp_year } = method[method.type] || {};
	const kind = capital(brand || KINDS[method.type] || method.type);
	const name = last4 ? `${kind} ending in ${last4}` : kind;
	return exp_month ? `${name}, expires ${String(exp_month).padStart(2, "0")}/${exp_year}` : name;
}

async function payment(subscription) {
	try {
		return methodName(await ask("retrieve-customer-payment-method", { subscriptionId: subscription.id }));
	} catch (error) {
		return error.code === "payment_method_unknown" ? "Nothing yet" : "Not known right now";
	}
}

async function facts(subscription) {
	const failed = RUNNING.includes(subscription.status) && isPayable(subscription);
	const rows = [["Status", failed ? "First payment failed" : STATUSES[subscription.status]]];
	const end = date(subscription.cancel_at || subscription.current_period_end);
	if (RUNNING.includes(subscription.status)) {
		rows.push(isEnding(subscription) ? ["Ends on", end] : ["Next payment", `${amount(subscription)} on ${end}`]);
	}
	rows.push(["Paid with", await payment(subscription)]);
	return rows;
}

function elementOf(name, text, more = {}) {
	return Object.assign(document.createElement(name), { textContent: text, ...more });
}

function actButton(subscription, { name, label, act }) {
	const button = elementOf("button", label, { className: "button quiet", type: "button" });
	button.dataset.act = name;
	button.onclick = async () => {
		if (isBusy(button)) return;
		setBusy(button, true);
		say(problem, "");
		try {
			const done = await act(subscription);
			if (done) await show(done);
		} catch (error) {
			say(problem, error.message);
		}
		setBusy(button, false);
	};
	return button;
}

async function card(subscription) {
	const name = capital(subscription.plan);
	const section = elementOf("section", "", { className: "card subscription", ariaLabel: name });
	const list = document.createElement("dl");
	for (const [name, value] of await facts(subscription)) list.append(elementOf("dt", name), elementOf("dd", value));
	const actions = elementOf("div", "", { className: "actions" });
	actions.append(...ACTS.filter((one) => one.isFor(subscription)).map((one) => actButton(subscription, one)));
	section.append(elementOf("h2", name), list, actions);
	section.dataset.status = subscription.status;
	return section;
}

function invoiceRow(invoice) {
	const row = document.createElement("tr");
	const pdf = document.createElement("td");
	if (invoice.invoice_pdf) {
		pdf.append(elementOf("a", "PDF", { href: invoice.invoice_pdf, ariaLabel: `Invoice ${invoice.number}, PDF` }));
	}
	row.append(elementOf("th", date(invoice.created, "medium"), { scope: "row" }),
		elementOf("td", money(invoice.total, invoice.currency)), elementOf("td", INVOICES[invoice.status]), pdf);
	return row;
}

async function showSubscriptions() {
	const { subscriptions } = await ask("subscriptions");
	const living = subscriptions.data.filter(({ status }) => !OVER.includes(status));
	document.getElementById("subscriptions").replaceChildren(...await Promise.all(living.map(card)));
	document.getElementById("gate").hidden = living.length > 0;
}

async function showInvoices() {
	const { invoices } = await ask("invoices");
	document.getElementById("invoices").hidden = invoices.data.length === 0;
	document.querySelector("#invoices tbody").replaceChildren(...invoices.data.map(invoiceRow));
}

async function show(done) {
	await Promise.all([showSubscriptions(), showInvoices()]);
	say(message, done);
	if (done) message.focus();
}

try {
	await show(await finishReturn());
} catch (error) {
	say(problem, error.message);
}
account.setAttribute("aria-busy", false);
