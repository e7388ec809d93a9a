// In every page of the sandbox. Inside a frame it tells the page around it how high it is, and what has happened
// where the page says so with data-tell.
"use strict";

if (parent !== window) {
	document.body.classList.add("framed");
	const tell = (message) => parent.postMessage({ sandbox: message }, "*");
	new ResizeObserver(() => tell({ type: "height", height: document.body.scrollHeight })).observe(document.body);
	const told = document.querySelector("[data-tell]");
	// Not at once: a WebDriver whose click led here hangs when the frame goes before the page has loaded.
	if (told?.dataset.tell) setTimeout(tell, 250, { type: told.dataset.tell, url: told.dataset.url || null });
}
