import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf } from '../setup/agents.js';
import { approveAs, bindingOf, openDesk } from '../setup/approvals.js';
import { codeOf } from '../setup/authenticator-app.js';
import { heldIn, settle } from '../setup/challenges.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { asking, LEDGER, openLedger, payment, PAYMENT_TYPE } from '../setup/payments.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

const CONFIRMED = (type: string) => `
  @id("all") permit (principal, action == Action::"TokenExchange", resource);
  @id("confirm") @step_up("${type}")
  forbid (principal, action == Action::"TokenExchange", resource == Resource::"${LEDGER}");`;

let replica: Replica;
let zone: TestZone;
let ledger: Record<string, unknown>;

beforeAll(async () => {
  replica = await sharedReplica();
});
beforeEach(async () => {
  zone = await createTestZone(replica);
  ledger = await openLedger(zone);
});

const amount = (value: string) => payment({ amount: { value, currency: 'EUR' } });
const ask = (details: readonly object[], more: object = {}) =>
  zone.session({ ...asking(...details), ...more });

describe('a challenge for a payment', () => {
  beforeEach(async () => {
    await zone.activate(CONFIRMED('approval'));
  });

  test('is redeemed for the very same payment and no other', async () => {
    const held = heldIn(await ask([amount('10')]));
    await settle(zone, held.id);
    const others: readonly (readonly object[])[] = [
      [amount('1000')],
      [amount('9')],
      [payment({ amount: { value: '10', currency: 'USD' } })],
      [payment({ amount: { value: '10', currency: 'EUR' }, creditor: 'EVIL' })],
      [{ ...amount('10'), reference: 'x' }],
      [{ ...amount('10'), locations: [LEDGER] }],
      [amount('10'), amount('10')],
      [],
    ];
    for (const other of others) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that the last could still redeem it
      expect(await ask(other, held.response)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant', error_description: 'the challenge is not usable' },
      });
    }
    const answer = await ask([amount('10')], held.response);
    expect(answer.status).toBe(200);
    expect(decodeJwt(String(answer.body['access_token']))).toMatchObject({
      authorization_details: [amount('10')],
    });
  });

  test('is the same whatever the order of what is asked for', async () => {
    const held = heldIn(await ask([amount('10'), payment({ creditor: 'Other' })]));
    await settle(zone, held.id);
    const answer = await ask([payment({ creditor: 'Other' }), amount('10')], held.response);
    expect(answer.status).toBe(200);
  });

  test('is not redeemed for words that nobody has read', async () => {
    const held = heldIn(await ask([payment()]));
    await settle(zone, held.id);
    await zone.admin('PATCH', `/resources/${String(ledger['id'])}`, {
      authorization_details_types: [{ ...PAYMENT_TYPE, display: 'Look at {creditor}' }],
    });
    expect(await ask([payment()], held.response)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  test('shows it in words, and all of it, to those who decide', async () => {
    const asked = payment({ creditor: 'Bob”, approved by “the bank', reference: 'R1' });
    const { id } = heldIn(await ask([asked]));
    const words = 'Pay 45.00 EUR to “Bob’, approved by ’the bank”';
    const shown = await zone.admin('GET', `/challenges/${id}`);
    expect(shown['summary']).toContain(`, exactly: ${words}, `);
    expect(shown['request']).toMatchObject({
      authorization_details: [asked],
      authorization_details_display: [words],
    });
    expect(bindingOf(shown['request'])).toBe(shown['binding']);
  });

  test('can be decided by an application on what it has read', async () => {
    await openDesk(zone);
    const approver = await applicationOf(zone);
    const held = heldIn(await ask([payment()]));
    expect((await approveAs(approver, held.id)).status).toBe(200);
    expect((await ask([payment()], held.response)).status).toBe(200);
  });

  test('is told on record by what it was about', async () => {
    const { requestId } = heldIn(await ask([payment({ reference: 'secret' })]));
    const [row] = await zone.audit(requestId);
    expect(row?.event).toMatchObject({
      error: 'interaction_required',
      requested: { authorization_details: [payment()] },
    });
    expect(JSON.stringify(row?.event)).not.toContain('secret');
  });
});

test('a payment is confirmed each time, whatever its subject has shown just now', async () => {
  await zone.activate(CONFIRMED('mfa'));
  await zone.admin('PUT', '/step-up-types/mfa', {
    lifetime_seconds: 300,
    satisfied_by: ['totp', 'webauthn'],
    quorum: 1,
    requester_may_satisfy: false,
    subject_may_satisfy: true,
    acr: 'mfa',
    reuse_seconds: 600,
  });
  const first = heldIn(await ask([payment()]));
  await settle(zone, first.id);
  const subject_token = String((await ask([payment()], first.response)).body['access_token']);
  expect(decodeJwt(subject_token)).toMatchObject({ acr: 'mfa' });
  heldIn(await zone.exchange({ ...asking(), subject_token }));
  // Without a payment in it, the same is known already.
  const plain = heldIn(await ask([]));
  await settle(zone, plain.id);
  const known = String((await ask([], plain.response)).body['access_token']);
  expect((await zone.exchange({ ...asking(), subject_token: known })).status).toBe(200);
  heldIn(await zone.exchange({ ...asking(payment()), subject_token: known }));
});

test('the page says it in the words of the operators, with nothing hidden', async () => {
  await zone.activate(CONFIRMED('mfa'));
  const app = await zone.admin('POST', '/authenticators', { subject: zone.clientId, kind: 'totp' });
  const evil = 'ACME\u202E<b>\u200B&';
  const asked = payment({ creditor: evil, reference: `R${'x'.repeat(400)}` });
  const held = heldIn(await ask([asked]));
  const page = `/step-up/${held.id}/confirm`;
  const link = fragmentOf(held.confirmUri);
  const { text } = await openPage(replica, page, { link });
  expect(text).toContain('Pay 45.00 EUR to “ACME⟨U+202E⟩&#60;b&#62;⟨U+200B⟩&#38;”');
  expect(text).not.toMatch(/[\u202E\u200B]|<b>/);
  // What the words do not mention is among the exact names, whole.
  expect(text).toContain(`reference: <code>R${'x'.repeat(400)}</code>`);
  expect(text).toContain('amount.value: <code>45.00</code>');
  const sheet = await fetch(`${replica.url}/step-up/assets/page.css`);
  expect(await sheet.text()).toMatch(/\ncode \{[^}]*unicode-bidi: isolate;/);
  const code = codeOf(String(app['secret']));
  const done = await openPage(replica, page, { link, code, decision: 'approved' });
  expect(done.status).toBe(200);
  expect((await ask([asked], held.response)).status).toBe(200);
});
