// A dialog with a form: its work is tried until it succeeds, or the visitor leaves it.
import { isBusy, say, setBusy } from "/billing.js";

async function tryOnce(dialog, button, problem, work) {
	setBusy(button, true);
	say(problem, "");
	try {
		await work(new FormData(dialog.querySelector("form")));
		dialog.close("done");
	} catch (error) {
		say(problem, error.message);
	}
	setBusy(button, false);
}

// work(FormData) throws an Error that the visitor can read; whether it was done is promised.
export function openDialog(dialog, work) {
	const button = dialog.querySelector(".button:not([data-close])");
	const problem = dialog.querySelector("[role=alert]");
	dialog.returnValue = "";
	say(problem, "");
	setBusy(button, false);
	dialog.querySelector("[data-close]").onclick = () => dialog.close();
	dialog.querySelector("form").onsubmit = (event) => {
		event.preventDefault();
		if (!isBusy(button)) tryOnce(dialog, button, problem, work);
	};
	dialog.showModal();
	return new Promise((resolve) => {
		dialog.onclose = () => resolve(dialog.returnValue === "done");
	});
}
