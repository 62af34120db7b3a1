import { decodeJwt } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { attributeOn, fragmentOf, keyOn, openPage } from '../setup/pages.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

let a: Replica;
let b: Replica;
let zone: TestZone;
let turn = 0;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});
beforeEach(async () => {
  zone = await createTestZone(a, APPROVE_WRITES.replace('"approval"', '"mfa"'));
});

async function invitation(): Promise<string> {
  const made = await zone.admin('POST', '/authenticators/enrolments', { subject: zone.clientId });
  return fragmentOf(made['enrolment_url']);
}

const codesOn = (text: string): string[] =>
  [...text.matchAll(/<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})<\/code>/g)].map(
    ([, code = '']) => code,
  );

/** Sets up an app by a link. @returns what the page says then */
async function enrolApp(): Promise<{ text: string; requestId: string; secret: string }> {
  const link = await invitation();
  const secret = keyOn((await openPage(a, '/step-up/enrol', { link })).text);
  const shown = await openPage(a, '/step-up/enrol', { link, code: codeOf(secret) });
  return { ...shown, secret };
}

async function newCodes(): Promise<string[]> {
  const link = await invitation();
  return codesOn((await openPage(a, '/step-up/enrol', { link, recovery_codes: 'new' })).text);
}

async function held() {
  turn += 1;
  const request = { scope: 'a:write', ttl_seconds: String(30 + turn) };
  const { id, response, confirmUri } = heldIn(await zone.session(request));
  const link = fragmentOf(confirmUri);
  return {
    page: `/step-up/${id}/confirm`,
    confirm: (recovery_code: string, on = a, decision = 'approved') =>
      openPage(on, `/step-up/${id}/confirm`, { link, recovery_code, decision }),
    again: () => zone.session({ ...request, ...response }),
  };
}

const setOf = async () =>
  ((await zone.admin('GET', '/authenticators'))['items'] as Record<string, unknown>[]).filter(
    ({ kind }) => kind === 'recovery_code',
  );

describe('recovery codes', () => {
  test('are given once, to whoever sets something up and has none, and nobody keeps them', async () => {
    const { text, requestId } = await enrolApp();
    const codes = codesOn(text);
    expect(new Set(codes).size).toBe(10);
    expect(codesOn((await enrolApp()).text)).toEqual([]);
    const [set, ...more] = await setOf();
    expect([set, more]).toMatchObject([{ subject: zone.clientId, codes_left: 10 }, []]);
    expect(await zone.audit(requestId)).toMatchObject([
      { event: { type: 'authenticator.enrolled', recovery_codes: { id: set?.['id'] } } },
    ]);
    const DATA = `SELECT (SELECT jsonb_agg(x) FROM authenticators x WHERE zone_id = $1)::text
      || (SELECT string_agg(audit_event(e)::text, ' ') FROM audit_events e WHERE zone_id = $1) AS all`;
    const [kept] = await rows(a.databaseUrl, DATA, [zone.zoneId]);
    for (const code of codes) {
      expect(JSON.stringify(kept)).not.toContain(code);
      expect(a.logs().join('')).not.toContain(code);
    }
  });

  test('confirm once each, also on two replicas at once, and the mandate says with what', async () => {
    await zone.admin('POST', '/webhooks', {
      url: 'https://hook.example/',
      events: ['recovery_code.used'],
    });
    const [code = '', other = ''] = codesOn((await enrolApp()).text);
    const requests = [await held(), await held(), await held(), await held()];
    const answers = await Promise.all(
      requests.map(({ confirm }, i) => confirm(code, i % 2 === 0 ? a : b)),
    );
    expect(answers.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([
      200, 400, 400, 400,
    ]);
    const which = answers.findIndex(({ status }) => status === 200);
    expect(answers[which]?.text).toMatch(/You have\s+9 recovery codes left\./);
    const granted = await requests[which]?.again();
    expect(decodeJwt(String(granted?.body['access_token']))).toMatchObject({
      acr: 'mfa',
      amr: ['rc'],
    });
    expect(await zone.audit(answers[which]?.requestId ?? '')).toMatchObject([
      { outcome: 'done', event: { type: 'challenge.decided', method: 'recovery_code' } },
    ]);
    const TOLD = `SELECT payload->'data'->'codes_left' AS left FROM webhook_deliveries
      WHERE zone_id = $1 AND event_type = 'recovery_code.used'`;
    expect(await rows(a.databaseUrl, TOLD, [zone.zoneId])).toEqual([{ left: 9 }]);
    expect(await setOf()).toMatchObject([{ codes_left: 9 }]);
    const typed = ` ${other.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    const refused = await (await held()).confirm(typed, b, 'rejected');
    expect(refused.text).toContain('<h1>Refused</h1>');
  });

  test('that are new end those before; of two at once one set stays', async () => {
    const before = codesOn((await enrolApp()).text);
    const sets = await Promise.all([newCodes(), newCodes()]);
    expect(sets.map((set) => set.length)).toEqual([10, 10]);
    expect(await setOf()).toMatchObject([{ codes_left: 10 }]);
    expect((await (await held()).confirm(before[0] ?? '')).status).toBe(400);
    const statuses = [];
    for (const [code = ''] of sets) statuses.push((await (await held()).confirm(code)).status);
    expect(statuses.toSorted((x, y) => x - y)).toEqual([200, 400]);
  });

  test('of two who set something up at once one is given them, and they stay good', async () => {
    const links = [await invitation(), await invitation(), await invitation()];
    const sent = links.map(async (link, i) => {
      const on = i % 2 === 0 ? a : b;
      const code = codeOf(keyOn((await openPage(on, '/step-up/enrol', { link })).text));
      return () => openPage(on, '/step-up/enrol', { link, code });
    });
    const ready = await Promise.all(sent);
    const given = await Promise.all(ready.map(async (enrol) => codesOn((await enrol()).text)));
    expect(given.map((codes) => codes.length).toSorted((x, y) => x - y)).toEqual([0, 0, 10]);
    const [code = ''] = given.flat();
    expect((await (await held()).confirm(code)).text).toContain('<h1>Confirmed</h1>');
  });

  test('are not taken away from the page before they are kept', async () => {
    const { text } = await enrolApp();
    expect(text).not.toContain('You can close this page');
    expect(text).toMatch(/Before you close this page, keep the codes below/);
  });

  test('show a request to a person without the link, who reads how many are left', async () => {
    const [code = ''] = codesOn((await enrolApp()).text);
    const { page } = await held();
    const shown = await openPage(a, page, { recovery_code: code });
    const proof = attributeOn(shown.text, 'name="proof" value');
    const decided = await openPage(b, page, { proof, decision: 'approved' });
    expect(decided.text).toContain('<h1>Confirmed</h1>');
    expect(decided.text).toMatch(/You have\s+9 recovery codes left\./);
  });

  test('are limited as other codes are, and somebody else’s are none', async () => {
    const [code = ''] = codesOn((await enrolApp()).text);
    const { confirm } = await held();
    const wrong = ['x', '0'.repeat(16), code.slice(1), 'Z'.repeat(40)];
    const statuses = [];
    for (const one of wrong) statuses.push((await confirm(one)).status);
    const { text } = await confirm('ZZZZ-ZZZZ-ZZZZ-ZZZZ');
    expect(text).toContain('That was the last try');
    expect([...statuses, (await confirm(code, b)).status]).toEqual([400, 400, 400, 400, 429]);
    const elsewhere = await createTestZone(a, APPROVE_WRITES.replace('"approval"', '"mfa"'));
    const request = heldIn(await elsewhere.session({ scope: 'a:write' }));
    const link = fragmentOf(request.confirmUri);
    const fields = { link, recovery_code: code, decision: 'approved' };
    expect((await openPage(a, `/step-up/${request.id}/confirm`, fields)).status).toBe(400);
  });

  test('are neither given nor taken where operators say so', async () => {
    const codes = await newCodes();
    await zone.admin('PUT', '/step-up-types/mfa', {
      lifetime_seconds: 300,
      satisfied_by: ['totp', 'webauthn'],
      quorum: 1,
      requester_may_satisfy: false,
      subject_may_satisfy: true,
      acr: 'mfa',
      reuse_seconds: 0,
    });
    const { confirm } = await held();
    const refused = await confirm(codes[0] ?? '');
    expect([refused.status, refused.text.includes('recovery')]).toEqual([400, false]);
    const [set] = await setOf();
    await zone.admin('DELETE', `/authenticators/${String(set?.['id'])}`);
    const { text } = await enrolApp();
    expect([text.includes('<h1>That works</h1>'), codesOn(text)]).toEqual([true, []]);
    // A link gives none either, nor is it used up by asking for some.
    const link = await invitation();
    const asked = await openPage(a, '/step-up/enrol', { link, recovery_codes: 'new' });
    expect([asked.status, codesOn(asked.text), asked.text.includes('recovery')]).toEqual([
      200,
      [],
      false,
    ]);
    expect(keyOn(asked.text)).not.toBe('');
    expect(asked.text).not.toContain('<h2>Or ');
    expect(await setOf()).toEqual([]);
  });
});
