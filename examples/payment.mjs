// A payment that waits for a second person.
//
//   npm start                      (in one terminal)
//   node examples/payment.mjs      (in another: asks for the payment, and waits)
//
// It makes a zone with a payment service, an approver and a policy, asks for a mandate that may send 45 euros
// to ACME and nothing else (docs/authorization-details.md), and waits while you decide at the prompt, as the approver. With --approve or --reject nobody is
// asked. Set MANDATE, ADMIN_TOKEN or DATA_DIR if they differ from what `npm start` uses.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import canonicalize from 'canonicalize';
import { decodeJwt } from 'jose';

const { DATA_DIR = '.mandate' } = process.env;
const MANDATE = process.env.MANDATE ?? readFileSync(join(DATA_DIR, 'url'), 'utf8').trim();
const ADMIN_TOKEN =
  process.env.ADMIN_TOKEN ?? readFileSync(join(DATA_DIR, 'admin-token'), 'utf8').trim();
const LEDGER = 'https://ledger.example';
/** What the ledger knows of payments, and how people are told of one. */
const PAYMENT = {
  type: 'payment',
  display: 'Pay {amount} {currency} to {creditor}',
  scope: 'payments:send',
  members: [
    { name: 'amount', value: 'decimal', required: true, narrows: 'at_most' },
    { name: 'currency', value: 'string', required: true, one_of: ['EUR'] },
    { name: 'creditor', value: 'string', required: true, max_length: 100 },
  ],
};
const DETAILS = [{ type: 'payment', amount: '45.00', currency: 'EUR', creditor: 'ACME' }];
const DESK = 'https://approvals.example';

async function call(path, { method = 'GET', token, json, form, accept = [] } = {}) {
  const response = await fetch(`${MANDATE}${path}`, {
    method: json || form ? (method === 'GET' ? 'POST' : method) : method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(json && { 'content-type': 'application/json' }),
    },
    body: form ? new URLSearchParams(form) : json && JSON.stringify(json),
  });
  const text = await response.text();
  const body = text === '' ? {} : JSON.parse(text);
  if (!response.ok && !accept.includes(response.status)) {
    throw new Error(`${path}: ${response.status} ${text}`);
  }
  return { status: response.status, body };
}

/** A zone with a payment service and an approver in it. */
async function prepare() {
  const admin = (path, json, method) =>
    call(`/internal${path}`, { token: ADMIN_TOKEN, json, method }).then(({ body }) => body);
  const { id: zone } = await admin('/zones', { name: `payments ${randomUUID()}` });
  await admin(`/zones/${zone}/resources`, {
    identifier: LEDGER,
    scopes: ['payments:send'],
    authorization_details_types: [PAYMENT],
  });
  await admin(`/zones/${zone}/resources`, { identifier: DESK, scopes: ['challenge:decide'] });
  const payments = await admin(`/zones/${zone}/clients`, { name: 'payment service' });
  const approver = await admin(`/zones/${zone}/clients`, { name: 'approval desk' });
  const content = `
    @id("payments") permit (principal == Application::"${payments.client_id}",
      action == Action::"TokenExchange", resource == Resource::"${LEDGER}");
    @id("second-person") @step_up("approval") @reason("a second person has to approve of payments")
    forbid (principal, action == Action::"TokenExchange", resource == Resource::"${LEDGER}");
    @id("desk") permit (principal == Application::"${approver.client_id}",
      action == Action::"TokenExchange", resource == Resource::"${DESK}");`;
  const { version } = await admin(`/zones/${zone}/policies`, { name: 'payments', content });
  const { id: set } = await admin(`/zones/${zone}/policy-sets`, { name: 'default' });
  const { id: active } = await admin(`/zones/${zone}/policy-sets/${set}/versions`, {
    policy_version_ids: [version.id],
  });
  await admin(`/zones/${zone}/policy`, { policy_set_version_id: active }, 'PUT');
  return { payments, approver };
}

/** Asks for a session mandate; a held request answers 401. */
function mandate({ client_id, client_secret }, resource, scope, more = {}) {
  const form = { grant_type: 'client_credentials', client_id, client_secret, resource, scope };
  return call('/oauth/2/token', { form: { ...form, ...more }, accept: [401] });
}

/** The payment service: asks, waits for somebody to decide, and asks again. */
async function pay({ payments }, onHeld) {
  const authorization_details = JSON.stringify(DETAILS);
  const held = await mandate(payments, LEDGER, 'payments:send', { authorization_details });
  if (held.body.error !== 'interaction_required') throw new Error('the request was not held');
  const { challenge_id, challenge_secret } = held.body;
  console.log(`payment service: held, waiting for challenge ${challenge_id}`);
  onHeld(challenge_id);
  let state = 'pending';
  while (state === 'pending') {
    ({ state } = (await call(`/step-up/${challenge_id}?wait=25`)).body);
  }
  console.log(`payment service: the challenge is ${state}`);
  if (state !== 'approved') return;
  const { body } = await mandate(payments, LEDGER, 'payments:send', {
    authorization_details,
    challenge_id,
    challenge_response: challenge_secret,
  });
  const { scope, exp, iat, authorization_details: exactly } = decodeJwt(body.access_token);
  console.log(
    `payment service: may ${scope} for ${exp - iat} s, exactly ${JSON.stringify(exactly)}`,
  );
}

/** The approver: looks at what is asked for, decides, and says on what. */
async function decide({ approver }, id) {
  const { body: session } = await mandate(approver, DESK, 'challenge:decide');
  const token = session.access_token;
  const { body: asked } = await call(`/step-up/${id}/request`, { token });
  console.log(`approver:        ${asked.summary}`);
  // The decision is on what was read: the hash is computed from it, not copied.
  const binding = createHash('sha256').update(canonicalize(asked.request)).digest('hex');
  const decision = await answer();
  const json = { decision, binding, reason: `decided in ${import.meta.url.split('/').at(-1)}` };
  await call(`/step-up/${id}/decision`, { token, json });
}

async function answer() {
  if (process.argv.includes('--approve')) return 'approved';
  if (process.argv.includes('--reject')) return 'rejected';
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const yes = /^y/i.test(await prompt.question('approver:        approve it? (y/n) '));
  prompt.close();
  return yes ? 'approved' : 'rejected';
}

const zone = await prepare();
const deciding = [];
await pay(zone, (id) => deciding.push(decide(zone, id)));
await Promise.all(deciding);
