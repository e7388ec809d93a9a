// usage: api.js PORT < {price}. Creates and reads back what tollgate deals
// with, as the SDK does it; the objects it got, as JSON.
'use strict';
const Stripe = require('stripe');
const stripe = new Stripe('sk_test_sandbox', {
  host: '127.0.0.1', port: Number(process.argv[2]), protocol: 'http', maxNetworkRetries: 0, telemetry: false,
});

async function customer() {
  const made = await stripe.customers.create(
    { email: 'ann@example.com', metadata: { tollgate_user: 'ann' } }, { idempotencyKey: 'customer-ann' });
  const again = await stripe.customers.create(
    { email: 'ann@example.com', metadata: { tollgate_user: 'ann' } }, { idempotencyKey: 'customer-ann' });
  return { made, again, read: await stripe.customers.retrieve(made.id) };
}

async function checkout(customerId, price) {
  const made = await stripe.checkout.sessions.create({
    mode: 'subscription', customer: customerId, line_items: [{ price, quantity: 1 }],
    success_url: 'http://127.0.0.1/return?session_id={CHECKOUT_SESSION_ID}', cancel_url: 'http://127.0.0.1/pricing',
  });
  return { made, read: await stripe.checkout.sessions.retrieve(made.id, { expand: ['line_items'] }) };
}

async function subscription(customerId, price) {
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customerId });
  const made = await stripe.subscriptions.create({
    customer: customerId, items: [{ price }], default_payment_method: method.id,
    expand: ['latest_invoice.confirmation_secret'],
  });
  const listed = [];
  for await (const one of stripe.subscriptions.list({ customer: customerId, status: 'all', limit: 1 })) listed.push(one);
  return { made, listed, read: await stripe.subscriptions.retrieve(made.id) };
}

async function portal(customerId) {
  return { made: await stripe.billingPortal.sessions.create({ customer: customerId, return_url: 'http://127.0.0.1/account' }) };
}

async function refusals(price) {
  const refused = async (promise) => promise.then(
    () => null, ({ type, code, param, statusCode }) => ({ type, code, param, statusCode }));
  return {
    unknown: await refused(stripe.customers.retrieve('cus_nobody')),
    mode: await refused(stripe.checkout.sessions.create({ mode: 'subscription', ui_mode: 'elements',
      line_items: [{ price, quantity: 1 }], success_url: 'http://127.0.0.1/' })),
    key: await refused(new Stripe('sk_test_wrong', { host: '127.0.0.1', port: Number(process.argv[2]), protocol: 'http',
      maxNetworkRetries: 0 }).customers.list()),
  };
}

async function main() {
  const { price } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const ann = await customer();
  process.stdout.write(JSON.stringify({
    customer: ann, checkout: await checkout(ann.made.id, price), subscription: await subscription(ann.made.id, price),
    portal: await portal(ann.made.id), refusals: await refusals(price),
  }));
}

main().catch((error) => { console.error(error); process.exit(1); });
