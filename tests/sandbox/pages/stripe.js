// A stand-in for Stripe.js that speaks to the sandbox it was loaded from. See "Stripe.js" in README.md.
"use strict";

(() => {
	const BASE = new URL(document.currentScript.src).origin;
	const NEVER = new Promise(() => {});
	const KINDS = {
		pi: { path: "payment_intents", name: "paymentIntent", member: "payment_intent", problem: "last_payment_error" },
		seti: { path: "setup_intents", name: "setupIntent", member: "setup_intent", problem: "last_setup_error" },
	};
	let embedded = null;
	let counter = 0;

	class IntegrationError extends Error {
		name = "IntegrationError";
	}

	function need(condition, message) {
		if (!condition) throw new IntegrationError(message);
	}

	function find(place) {
		const found = typeof place === "string" ? document.querySelector(place) : place;
		need(found, `The selector you specified (${place}) applies to no DOM elements that are currently on the page.`);
		return found;
	}

	function go(url) {
		location.assign(url);
		return NEVER;
	}

	// A frame from the sandbox, and what it tells us.
	class Frame {
		constructor(name, title, path, heard) {
			this.node = document.createElement("iframe");
			Object.assign(this.node, { name, title, src: BASE + path });
			this.node.style.cssText = "display: block; width: 100%; height: 16rem; border: 0";
			this.heard = heard;
			this.waiting = new Map();
			this.ready = new Promise((resolve) => { this.isReady = resolve; });
			this.listen = (event) => this.take(event);
			addEventListener("message", this.listen);
		}

		take({ source, origin, data }) {
			if (source !== this.node.contentWindow || origin !== BASE || !data.sandbox) return;
			const told = data.sandbox;
			if (told.type === "height") this.node.style.height = `${told.height}px`;
			else if (told.type === "answer") this.waiting.get(told.id)(told.result);
			else this.heard(told);
			if (told.type === "ready") this.isReady();
		}

		async ask(act, more = {}) {
			await this.ready;
			const id = ++counter;
			return new Promise((resolve) => {
				this.waiting.set(id, resolve);
				this.node.contentWindow.postMessage({ stripe: { id, act, ...more } }, BASE);
			});
		}

		remove() {
			removeEventListener("message", this.listen);
			this.node.remove();
		}
	}

	class PaymentElement {
		// usable: a promise of what is wrong with the intent or session that it is to pay, if anything is.
		constructor(options, release, usable) {
			this.options = options;
			this.release = release;
			this.usable = usable;
			this.listeners = {};
			this.frame = null;
		}

		mount(place) {
			const parent = find(place);
			this.unmount();
			this.frame = new Frame(`stripe-element-${++counter}`, "Secure payment input frame", "/v3/element",
				(told) => this.heard(told));
			parent.replaceChildren(this.frame.node);
			this.usable.then((error) => error && this.emit("loaderror", { elementType: "payment", error }));
			return this;
		}

		heard({ type, state }) {
			this.emit(type, { elementType: "payment", ...state });
		}

		emit(event, detail) {
			for (const listener of this.listeners[event] || []) listener(detail);
		}

		on(event, listener) {
			(this.listeners[event] ||= []).push(listener);
			return this;
		}

		once(event, listener) {
			const once = (detail) => { this.off(event, once); listener(detail); };
			return this.on(event, once);
		}

		off(event, listener) {
			this.listeners[event] = (this.listeners[event] || []).filter((one) => listener && one !== listener);
			return this;
		}

		ask(act, more) {
			need(this.frame, "Could not retrieve data from the specified Element. Please make sure the Element you are " +
				"attempting to use is still mounted.");
			return this.frame.ask(act, more);
		}

		unmount() {
			this.frame?.remove();
			this.frame = null;
		}

		destroy() {
			this.unmount();
			this.release();
		}

		update(options) { Object.assign(this.options, options); }
		focus() { this.ask("focus"); }
		blur() {}
		clear() {}
		collapse() {}
	}

	class Elements {
		constructor(api, options) {
			this.api = api;
			need(options.clientSecret || options.mode, "In order to create a payment element, you must pass a " +
				"clientSecret or mode when creating the Elements group.");
			this.options = options;
			this.element = null;
			this.submitted = false;
		}

		create(type, options = {}) {
			need(type === "payment", `The stand-in has no Element of the type ${type}.`);
			need(!this.element, "Can only create one Element of type payment.");
			this.element = new PaymentElement(options, () => { this.element = null; }, this.usable());
			return this.element;
		}

		async usable() {
			if (!this.options.clientSecret) return null;
			const result = await this.api.retrieve(this.options.clientSecret);
			const intent = result.paymentIntent || result.setupIntent;
			if (!intent || /^requires_/.test(intent.status)) return result.error;
			return { type: "invalid_request_error", code: `${intent.object}_unexpected_state`,
				message: `The client secret's intent is ${intent.status} and takes no payment method any more.` };
		}

		getElement(type) {
			return type === "payment" || type?.name === "payment" ? this.element : null;
		}

		async submit() {
			const result = await this.element.ask("submit");
			this.submitted = !result.error;
			return result;
		}

		async update(options) { Object.assign(this.options, options); }
		async fetchUpdates() { return {}; }
	}

	// Checkout with elements on the site's own page.
	class Checkout {
		constructor(api, options) {
			this.api = api;
			this.secret = Promise.resolve(options.clientSecret);
			this.listeners = [];
			this.element = null;
			this.loaded = null;
		}

		createPaymentElement(options = {}) {
			need(!this.element, "Can only create one Element of type payment.");
			const usable = this.loadActions().then((result) => result.error);
			this.element = new PaymentElement(options, () => { this.element = null; }, usable);
			return this.element;
		}

		getPaymentElement() { return this.element; }
		changeAppearance() {}
		loadFonts() {}

		on(event, listener) {
			if (event === "change") this.listeners.push(listener);
		}

		loadActions() {
			this.loaded ||= this.load();
			return this.loaded;
		}

		async load() {
			try {
				const result = await this.post("session");
				return result.error ? { type: "error", error: result.error } : { type: "success", actions: this.actions() };
			} catch (error) {
				return { type: "error", error: { message: error.message } };
			}
		}

		actions() {
			return {
				getSession: () => this.session,
				updateEmail: (email) => this.act("email", { email: email || "" }),
				applyPromotionCode: (code) => this.act("promotion", { promotion_code: code }),
				removePromotionCode: () => this.act("promotion", { promotion_code: "" }),
				confirm: (options = {}) => this.confirm(options),
			};
		}

		async post(what, fields = {}) {
			const body = new URLSearchParams({ ...fields, client_secret: await this.secret });
			const result = await (await fetch(`${BASE}/v3/checkout/${what}`, { method: "POST", body })).json();
			if (result.session) {
				this.session = result.session;
				for (const listener of this.listeners) listener(this.session);
			}
			return result;
		}

		async act(what, fields) {
			const result = await this.post(what, fields);
			return result.error ? { type: "error", error: result.error } : { type: "success", session: this.session };
		}

		async confirm({ redirect = "always", returnUrl, email }) {
			const fields = email ? { email } : {};
			if (this.session.needsPaymentMethod) {
				const billing = { email: email || this.session.email };
				const made = await this.element.ask("createMethod", { headers: this.api.headers, billing });
				if (made.error) return { type: "error", error: made.error };
				fields.payment_method = made.paymentMethod.id;
			}
			const result = await this.pay(fields);
			if (result.error) return { type: "error", error: result.error };
			if (redirect === "if_required") return { type: "success", session: this.session };
			return go(returnUrl || result.return_url);
		}

		async pay(fields) {
			const result = await this.post("confirm", fields);
			if (!result.challenge) return result;
			await challenge(result.challenge);
			return this.post("answered");
		}
	}

	// 3-D Secure, as a dialog over the page; it ends when the customer has answered.
	function challenge(url) {
		return new Promise((resolve) => {
			const dialog = document.createElement("dialog");
			dialog.id = "stripe-dialog";
			dialog.setAttribute("aria-label", "3-D Secure");
			dialog.style.cssText = "width: min(26rem, 90vw); border: 0; border-radius: 8px";
			const frame = new Frame("stripe-challenge", "3-D Secure", new URL(url).pathname, (told) => {
				if (told.type !== "answered") return;
				frame.remove();
				dialog.remove();
				resolve();
			});
			dialog.append(frame.node);
			dialog.addEventListener("cancel", (event) => event.preventDefault());
			document.body.append(dialog);
			dialog.showModal();
		});
	}

	class Api {
		constructor(key, account) {
			this.headers = { Authorization: `Bearer ${key}`, ...(account && { "Stripe-Account": account }) };
		}

		async call(method, path, fields) {
			const query = new URLSearchParams(fields);
			const url = `${BASE}/v1/${path}${method === "GET" ? `?${query}` : ""}`;
			try {
				const body = method === "GET" ? undefined : query;
				return await (await fetch(url, { method, headers: this.headers, body })).json();
			} catch {
				return { error: { type: "api_connection_error", message: "We are experiencing issues connecting to our " +
					"payments provider. You have not been charged. Please check your internet connection and try again." } };
			}
		}

		async retrieve(secret) {
			const { kind, id } = split(secret);
			const intent = await this.call("GET", `${kind.path}/${id}`, { client_secret: secret });
			return intent.error ? { error: intent.error } : { [kind.name]: intent };
		}

		// Confirms with a method that has an id, if one is given; asks for 3-D Secure; answers {intent} or {error}.
		async confirm(secret, fields) {
			const { kind, id } = split(secret);
			const intent = await this.call("POST", `${kind.path}/${id}/confirm`,
				{ ...fields, client_secret: secret, use_stripe_sdk: "true" });
			return intent.error ? { error: intent.error } : this.act(secret, intent);
		}

		async act(secret, intent) {
			const { kind } = split(secret);
			if (intent.status !== "requires_action") return { [kind.name]: intent };
			const action = intent.next_action;
			await challenge(action.use_stripe_sdk?.stripe_js || action.redirect_to_url.url);
			const after = await this.retrieve(secret);
			const answered = after[kind.name];
			if (answered?.status !== "requires_payment_method") return after;
			return { error: { ...answered[kind.problem], [kind.member]: answered } };
		}
	}

	function split(secret) {
		const [, id, prefix] = /^((pi|seti)_\w+?)_secret_\w+$/.exec(secret) || [];
		need(id, `Invalid value for clientSecret: value should be a client secret of the form \${id}_secret_\${secret}. ` +
			`You specified: ${secret}.`);
		return { id, kind: KINDS[prefix] };
	}

	function returned(url, secret, intent) {
		const { id, kind } = split(secret);
		const target = new URL(url, location.href);
		target.searchParams.set(kind.member, id);
		target.searchParams.set(`${kind.member}_client_secret`, secret);
		target.searchParams.set("redirect_status", intent.status === "processing" ? "pending" : "succeeded");
		return go(target.href);
	}

	// confirmPayment and confirmSetup: one for each kind of intent.
	function confirmer(api, prefix) {
		const { name } = KINDS[prefix];
		return async ({ elements, clientSecret, confirmParams = {}, redirect = "always" }) => {
			const secret = clientSecret || elements?.options.clientSecret;
			need(secret && split(secret).kind === KINDS[prefix], "Missing or wrong clientSecret.");
			need(redirect === "if_required" || confirmParams.return_url, "You must provide confirmParams.return_url " +
				"when redirect is always.");
			need(!elements || elements.options.clientSecret || elements.submitted,
				"elements.submit() must be called before confirming when Elements has no clientSecret.");
			const fields = await methodOf(api, elements, confirmParams);
			if (fields.error) return fields;
			const result = await api.confirm(secret, fields);
			return result.error || redirect === "if_required" ? result
				: returned(confirmParams.return_url, secret, result[name]);
		};
	}

	async function methodOf(api, elements, params) {
		const fields = params.return_url ? { return_url: new URL(params.return_url, location.href).href } : {};
		if (params.payment_method) return { ...fields, payment_method: params.payment_method };
		if (!elements) return fields;
		const billing = params.payment_method_data?.billing_details || {};
		const made = await elements.element.ask("createMethod", { headers: api.headers, billing });
		return made.error ? made : { ...fields, payment_method: made.paymentMethod.id };
	}

	function embeddedCheckout({ fetchClientSecret, clientSecret, onComplete }) {
		need(!embedded, "You cannot have multiple Embedded Checkout objects.");
		need(fetchClientSecret || clientSecret, "You must provide fetchClientSecret or clientSecret.");
		let frame = null;
		const secret = Promise.resolve(clientSecret || fetchClientSecret());
		const heard = ({ type, url }) => {
			if (type !== "complete") return;
			if (url) go(url);
			else onComplete?.();
		};
		const checkout = {
			async mount(place) {
				const parent = find(place);
				need(checkout === embedded, "This Embedded Checkout has been destroyed.");
				checkout.unmount();
				frame = new Frame("embedded-checkout", "Secure payment frame", `/c/embedded/${await secret}`, heard);
				parent.replaceChildren(frame.node);
			},
			unmount() {
				frame?.remove();
				frame = null;
			},
			destroy() {
				checkout.unmount();
				if (embedded === checkout) embedded = null;
			},
		};
		embedded = checkout;
		return secret.then(() => checkout);
	}

	function Stripe(key, { stripeAccount } = {}) {
		need(/^pk_/.test(key || ""), "Please call Stripe() with your publishable key. You used an empty string or a " +
			"secret key.");
		const api = new Api(key, stripeAccount);
		const byCard = (secret, { payment_method } = {}) => api.confirm(secret, payment_method ? { payment_method } : {});
		const checkout = (options) => new Checkout(api, options);
		const page = async (options) => embeddedCheckout(options);
		return {
			elements: (options = {}) => new Elements(api, { ...options }),
			confirmPayment: confirmer(api, "pi"),
			confirmSetup: confirmer(api, "seti"),
			confirmCardPayment: byCard,
			confirmCardSetup: byCard,
			retrievePaymentIntent: (secret) => api.retrieve(secret),
			retrieveSetupIntent: (secret) => api.retrieve(secret),
			async handleNextAction({ clientSecret }) {
				const result = await api.retrieve(clientSecret);
				return result.error ? result : api.act(clientSecret, result.paymentIntent || result.setupIntent);
			},
			createEmbeddedCheckoutPage: page,
			initEmbeddedCheckout: page,
			initCheckoutElementsSdk: checkout,
			initCheckout: checkout,
		};
	}

	Stripe.version = 3;
	window.Stripe = Stripe;
})();
