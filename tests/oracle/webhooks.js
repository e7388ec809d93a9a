// Signs each {payload, secret, timestamp}, changes it as `change` says, and asks
// the SDK whether with the secret `believed` it is {payload, header, valid}.
'use strict';
const { webhooks } = new (require('stripe'))('sk_test_unused');

const changes = {
  body: (signed) => ({ ...signed, payload: signed.payload.replace('}', ' }') }),
  noV1: (signed) => ({ ...signed, header: signed.header.replace('v1=', 'v0=') }),
  noTime: (signed) => ({ ...signed, header: signed.header.replace(/t=\d+,/, '') }),
  time: (signed) => ({ ...signed, header: signed.header.replace(/t=(\d+)/, (_, t) => `t=${Number(t) - 1}`) }),
  empty: (signed) => ({ ...signed, header: '' }),
  another: (signed) => ({ ...signed, header: signed.header.replace('v1=', `v1=${'0'.repeat(64)},v1=`) }),
  none: (signed) => signed,
};

function judge({ payload, secret, timestamp, believed, change }) {
  const header = webhooks.generateTestHeaderString({ payload, secret, timestamp });
  const signed = changes[change]({ payload, header });
  try {
    webhooks.constructEvent(signed.payload, signed.header, believed);
    return { ...signed, valid: true };
  } catch (error) {
    if (error.type !== 'StripeSignatureVerificationError') throw error;
    return { ...signed, valid: false };
  }
}

const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(cases.map(judge)));
