import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { Secret } from 'otpauth';
import { DataSource } from 'typeorm';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrationOptions } from '../../src/schema/data-source.js';
import { EnrolmentKeys1795291896270 } from '../../src/schema/migrations/1795291896270-enrolment-keys.js';
import { codeOf } from '../setup/authenticator-app.js';
import { DISTRIBUTED } from '../setup/citus.js';
import { jsonLinesOf, runCli, startCli } from '../setup/cli.js';
import {
  createEmptyDatabase,
  KEY_ENCRYPTION_KEY,
  rows,
  sharedReplica,
  startReplica,
  startReplicaForTest,
  withClient,
  type Replica,
} from '../setup/harness.js';
import { whileOpen, type Statement } from '../setup/locks.js';
import { attributeOn, fragmentOf, keyOn, openPage, type Shown } from '../setup/pages.js';
import { newPasskey } from '../setup/passkey.js';
import { maintain } from '../setup/maintain.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const PAGE = '/step-up/enrol';

let a: Replica;
let b: Replica;
let zone: TestZone;

beforeAll(async () => {
  [a, b] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});
beforeEach(async () => {
  zone = await createTestZone(a);
});

/** A link for a person, whom the zone's client answers for if none is named. @returns its secret */
async function invite(subject = zone.clientId): Promise<string> {
  const made = await zone.admin('POST', '/authenticators/enrolments', { subject });
  return fragmentOf(made['enrolment_url']);
}

const send = (fields: Record<string, string>, replica = a): Promise<Shown> =>
  openPage(replica, PAGE, fields);

/** The authenticators that were set up, without the recovery codes that come along. */
const listed = async (query = ''): Promise<Record<string, unknown>[]> => {
  const items = (await zone.admin('GET', `/authenticators${query}`))['items'];
  return (items as Record<string, unknown>[]).filter(({ kind }) => kind !== 'recovery_code');
};

const linksOf = ({ zoneId }: TestZone) =>
  rows<{ id: string; sealed: Buffer | null }>(
    a.databaseUrl,
    'SELECT id, sealed_secret AS sealed FROM enrolments WHERE zone_id = $1',
    [zoneId],
  );

describe('a link', () => {
  test('has its secret in the fragment, and the page does without a script', async () => {
    const made = await zone.admin('POST', '/authenticators/enrolments', { subject: 'alice' });
    const url = new URL(String(made['enrolment_url']));
    expect([url.pathname, url.search]).toEqual([PAGE, '']);
    const secret = fragmentOf(url);
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const before = await openPage(a, PAGE);
    expect(before.status).toBe(200);
    expect(before.text).toMatch(/<form[^>]*method="post"[^>]*data-link>[^]*name="link"/);
    expect(Object.fromEntries(before.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    for (const pasted of [secret, url.href, ` ${url.href}\n`, `#${secret}`]) {
      const opened = await send({ link: pasted });
      expect(opened.status).toBe(200);
      expect(opened.text).toContain('alice');
    }
  });

  test('leads to keys that say whose they are: the organisation, as the zone calls itself', async () => {
    await zone.admin('PATCH', '', { display_name: 'Pied & Piper: <b>' });
    const page = (await send({ link: await invite('alice') })).text;
    expect(page).toContain('data-rp-name="Pied &#38; Piper: &#60;b&#62;"');
    const issuer = encodeURIComponent('Pied & Piper <b>');
    expect(page).toContain(`otpauth://totp/${issuer}:alice?issuer=${issuer}&#38;`);
    const made = await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
    expect(made['otpauth_uri']).toContain(`otpauth://totp/${issuer}:alice?issuer=${issuer}&`);
  });

  test('registers an app that has shown its first code, once', async () => {
    const link = await invite();
    const secret = keyOn((await send({ link })).text);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect((await send({ link, code: codeOf(secret, 9) })).status).toBe(400);
    const [enrolment] = await linksOf(zone);
    const enrolled = await send({ link, code: codeOf(secret) }, b);
    expect(enrolled.status).toBe(200);
    expect(await zone.audit(enrolled.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: {
          type: 'authenticator.enrolled',
          authenticator: { kind: 'totp' },
          enrolment_id: enrolment?.id,
        },
      },
    ]);
    expect(await listed()).toMatchObject([{ kind: 'totp', key_known_to_log_readers: false }]);
    expect((await send({ link })).status).toBe(404);
    expect((await send({ link, code: codeOf(secret, 1) })).status).toBe(404);
    expect(await linksOf(zone)).toEqual([]);
  });

  test('leads to a key that was drawn, and has nothing to do with it', async () => {
    const [one, other] = [await invite(), await invite()];
    const secret = keyOn((await send({ link: one })).text);
    expect(keyOn((await send({ link: one }, b)).text)).toBe(secret);
    expect(keyOn((await send({ link: other })).text)).not.toBe(secret);
    // What the first version made of a link.
    const derived = createHmac('sha256', one).update('mandate totp key').digest().subarray(0, 20);
    const old = new Secret({ buffer: Uint8Array.from(derived).buffer }).base32;
    expect(secret).not.toBe(old);
    expect((await send({ link: one, code: codeOf(old) })).status).toBe(400);
    const key = Buffer.from(Secret.fromBase32(secret).bytes);
    for (const { sealed } of await linksOf(zone)) expect(sealed?.includes(key)).toBe(false);
  });

  test('that two use at once registers one', async () => {
    const link = await invite();
    const code = codeOf(keyOn((await send({ link })).text));
    const answers = await Promise.all([a, b, a, b].map((replica) => send({ link, code }, replica)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.toSorted((x, y) => x - y)).toEqual([200, 404, 404, 404]);
    expect(await listed()).toHaveLength(1);
  });

  test.each([
    ['absent', {}],
    ['empty', { link: '' }],
    ['made up', { link: randomBytes(32).toString('base64url') }],
    ['short', { link: 'x' }],
    ['long', { link: 'a'.repeat(16_000) }],
    ['an address without a fragment', { link: 'https://mandate.example/step-up/enrol' }],
  ])('that is %s leads nowhere', async (_what, fields: Record<string, string>) => {
    expect((await send(fields)).status).toBe(404);
    expect((await send({ ...fields, code: '123456' })).status).toBe(404);
  });

  test('that is too old leads nowhere, nor does one given twice or with a NUL', async () => {
    const link = await invite();
    expect((await send({ link: `${link}\u0000` })).status).toBe(400);
    const twice = new URLSearchParams([
      ['link', link],
      ['link', link],
    ]);
    const raw = await fetch(`${a.url}${PAGE}`, { method: 'POST', body: twice });
    expect(raw.status).toBe(400);
    const { zoneId } = zone;
    await rows(a.databaseUrl, 'UPDATE enrolments SET expires_at = now() WHERE zone_id = $1', [
      zoneId,
    ]);
    expect((await send({ link })).status).toBe(404);
  });
});

describe('a link of the first version', () => {
  test('which has its secret in the path, is refused in words', async () => {
    for (const fields of [undefined, { code: '123456' }]) {
      const shown = await openPage(a, `${PAGE}/${randomBytes(32).toString('base64url')}`, fields);
      expect(shown.status).toBe(410);
      expect(shown.text).toContain('<h1>This link is not good any more</h1>');
      expect(shown.text).not.toContain('<form');
    }
  });

  test('leads nowhere in the new form either: logs have it', async () => {
    const link = await invite();
    const { zoneId } = zone;
    await rows(a.databaseUrl, 'UPDATE enrolments SET sealed_secret = NULL WHERE zone_id = $1', [
      zoneId,
    ]);
    expect((await send({ link })).status).toBe(404);
    const derived = createHmac('sha256', link).update('mandate totp key').digest();
    const old = new Secret({ buffer: Uint8Array.from(derived.subarray(0, 20)).buffer });
    expect((await send({ link, code: codeOf(old.base32) })).status).toBe(404);
    expect(await listed()).toEqual([]);
  });
});

describe('a registration that fails', () => {
  test.each([
    ['a wrong code', { code: '000000' }],
    ['no passkey', { registration: '{}' }],
  ])('for %s leaves the link as it was', async (_what, evidence: Record<string, string>) => {
    const link = await invite();
    const failed = await send({ link, ...evidence });
    expect(failed.status).toBe(400);
    expect(failed.text).toContain('role="alert"');
    // Only the field that was wrong is said to be.
    expect(failed.text.includes('aria-invalid')).toBe('code' in evidence);
    const secret = keyOn(failed.text);
    expect((await send({ link, code: codeOf(secret) })).status).toBe(200);
  });

  test('for a passkey that somebody has leaves the link as it was, also at the same moment', async () => {
    const replica = await startReplicaForTest({ env: { ISSUER_URL: 'http://localhost:3000' } });
    const here = await createTestZone(replica);
    const linkFor = async (subject: string) => {
      const made = await here.admin('POST', '/authenticators/enrolments', { subject });
      return fragmentOf(made['enrolment_url']);
    };
    const one = newPasskey({ rpId: 'localhost', origin: 'http://localhost:3000' });
    const registration = async (link: string) => {
      const { text } = await openPage(replica, PAGE, { link });
      const of = Buffer.from(attributeOn(text, 'data-nonce'), 'base64url');
      return { link, registration: one.registration({ of }) };
    };
    const people = ['alice', 'bob', 'carol', 'dave'];
    const forms = await Promise.all(people.map(async (name) => registration(await linkFor(name))));
    const answers = await Promise.all(forms.map((form) => openPage(replica, PAGE, form)));
    expect(answers.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([
      200, 400, 400, 400,
    ]);
    const later = await registration(await linkFor('eve'));
    expect((await openPage(replica, PAGE, later)).status).toBe(400);
    for (const [i, { link }] of [...forms, later].entries()) {
      const again = await openPage(replica, PAGE, { link });
      expect(again.status).toBe(answers[i]?.status === 200 ? 404 : 200);
      if (again.status !== 200) continue;
      const code = codeOf(keyOn(again.text));
      expect((await openPage(replica, PAGE, { link, code })).status).toBe(200);
    }
  });

  test('because the database was busy leaves the link as it was', async () => {
    const link = await invite();
    const secret = keyOn((await send({ link })).text);
    await withClient(a.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [zone.zoneId]);
      expect((await send({ link, code: codeOf(secret) })).status).toBe(503);
      await client.query('ROLLBACK');
    });
    expect(await listed()).toEqual([]);
    expect((await send({ link, code: codeOf(secret) })).status).toBe(200);
    expect(await listed()).toHaveLength(1);
  });
});

describe('links that are over', () => {
  const COUNT = 'SELECT count(*)::int AS count FROM enrolments';

  /** As many of one zone, and a link that is good. @returns the database, which no server looks after */
  async function over(many: number): Promise<string> {
    const replica = await startReplica();
    const { databaseUrl } = replica;
    const there = await createTestZone(replica);
    await there.admin('POST', '/authenticators/enrolments', { subject: 'alice' });
    // It would remove them as well.
    await replica.stop();
    await rows(
      databaseUrl,
      `INSERT INTO enrolments (zone_id, token_digest, subject, expires_at)
       SELECT $1, decode(lpad(to_hex(n), 64, '0'), 'hex'), 'bob', now() - make_interval(secs => n)
         FROM generate_series(1, $2) AS n`,
      [there.zoneId, many],
    );
    return databaseUrl;
  }

  test('are removed, some at a time', async () => {
    const databaseUrl = await over(10_002);
    await maintain(databaseUrl);
    expect(await rows(databaseUrl, COUNT)).toEqual([{ count: 3 }]);
    await maintain(databaseUrl);
    expect(await rows(databaseUrl, COUNT)).toEqual([{ count: 1 }]);
    expect(await rows(databaseUrl, 'SELECT subject FROM enrolments')).toEqual([
      { subject: 'alice' },
    ]);
  });

  // Across servers, the maintenance waits for who holds them.
  test.skipIf(DISTRIBUTED)('are left alone while they are in use', async () => {
    const databaseUrl = await over(3);
    await withClient(databaseUrl, async (client) => {
      await client.query('BEGIN');
      // The one that has been over for the longest.
      await client.query('SELECT 1 FROM enrolments ORDER BY expires_at LIMIT 1 FOR UPDATE');
      await maintain(databaseUrl);
      expect(await rows(databaseUrl, COUNT)).toEqual([{ count: 2 }]);
      await client.query('ROLLBACK');
    });
    await maintain(databaseUrl);
    expect(await rows(databaseUrl, COUNT)).toEqual([{ count: 1 }]);
  });
});

describe('an authenticator', () => {
  test('is listed by subject, for what can be one', async () => {
    await zone.admin('POST', '/authenticators', { subject: zone.clientId, kind: 'totp' });
    expect(await listed(`?subject=${zone.clientId}`)).toMatchObject([
      { kind: 'totp', subject: zone.clientId },
    ]);
    for (const query of ['subject=%00', 'subject=a&subject=b']) {
      const path = `/zones/${zone.zoneId}/authenticators?${query}`;
      expect((await callAdmin(a, 'GET', path)).status).toBe(400);
    }
  });

  test('has a key that is told once, and so is a link; nothing else tells them', async () => {
    const link = await invite();
    const made = await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
    const secret = keyOn((await send({ link })).text);
    await send({ link, code: codeOf(secret, 9) });
    const audit = await rows(
      a.databaseUrl,
      `SELECT audit_event(a) AS event FROM audit_events a WHERE zone_id = $1 AND audit_event(a)->>'type' LIKE '%authenticator%'`,
      [zone.zoneId],
    );
    expect(audit).toHaveLength(2);
    const stored = await rows(
      a.databaseUrl,
      `SELECT x::text FROM authenticators x WHERE zone_id = $1
       UNION ALL SELECT x::text FROM enrolments x WHERE zone_id = $1`,
      [zone.zoneId],
    );
    const seen = JSON.stringify([await listed(), audit, stored, a.logs()]);
    for (const hidden of [secret, String(made['secret']), link]) expect(seen).not.toContain(hidden);
  });

  test.each([
    ['another kind', { kind: 'webauthn' }],
    ['no subject', { subject: undefined }],
    ['a subject that is none', { subject: 'a\u0000b' }],
  ])('refuses %s', async (_name, body) => {
    const answer = await callAdmin(a, 'POST', `/zones/${zone.zoneId}/authenticators`, {
      subject: 'alice',
      kind: 'totp',
      ...body,
    });
    expect(answer.status).toBe(400);
  });
});

describe('authenticators whose keys log readers may know', () => {
  /** What the first version stores: it knows nothing of the column. */
  const storedBefore = (of: TestZone, subject: string, issuer: string | null, kind = 'totp') =>
    rows(
      of.replica.databaseUrl,
      `INSERT INTO authenticators (zone_id, id, subject, subject_issuer, kind, sealed_secret, last_step,
                                   credential_id, public_key, sign_count)
       VALUES ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9)`,
      kind === 'totp'
        ? [of.zoneId, subject, issuer, kind, randomBytes(60), 1, null, null, null]
        : [of.zoneId, subject, issuer, kind, null, null, `c${subject}`, randomBytes(8), 0],
    );

  test('are marked in the list, which can be asked for them', async () => {
    await storedBefore(zone, 'alice', null);
    await storedBefore(zone, 'alice', null, 'webauthn');
    await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
    const marks = (list: Record<string, unknown>[]) =>
      list.map(({ kind, key_known_to_log_readers: known }) => `${String(kind)} ${String(known)}`);
    expect(marks(await listed()).toSorted()).toEqual([
      'totp false',
      'totp true',
      'webauthn undefined',
    ]);
    expect(marks(await listed('?key_known_to_log_readers=true'))).toEqual(['totp true']);
    expect(await listed('?key_known_to_log_readers=false')).toHaveLength(2);
    for (const value of ['', 'x', 'true&key_known_to_log_readers=true']) {
      const path = `/zones/${zone.zoneId}/authenticators?key_known_to_log_readers=${value}`;
      expect((await callAdmin(a, 'GET', path)).status).toBe(400);
    }
  });

  test('are not those whose keys operators made, used or not, as the audit log says', async () => {
    const made = await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
    await zone.admin('POST', '/authenticators', { subject: 'other', kind: 'totp' });
    const link = await invite('bob');
    expect((await send({ link, code: codeOf(keyOn((await send({ link })).text)) })).status).toBe(
      200,
    );
    // As the first version leaves them once a code was used: it says nothing of where keys are from.
    await rows(
      a.databaseUrl,
      'UPDATE authenticators SET key_drawn = DEFAULT, last_step = 5 WHERE zone_id = $1',
      [zone.zoneId],
    );
    const marked = (list: Record<string, unknown>[]) =>
      list.map(({ subject, key_known_to_log_readers: known }) => [subject, known]);
    expect(marked(await listed())).toEqual([
      ['alice', false],
      ['other', false],
      ['bob', true],
    ]);
    expect(marked(await listed('?key_known_to_log_readers=true'))).toEqual([['bob', true]]);
    expect(await listed('?key_known_to_log_readers=false')).toHaveLength(2);
    const args = ['authenticators', 'renew', '--zone', zone.zoneId, '--json'];
    const run = await runCli(args, { DATABASE_URL: a.databaseUrl, KEY_ENCRYPTION_KEY });
    expect(jsonLinesOf(run)).toMatchObject([{ subject: 'bob' }]);
    expect(await listed()).toMatchObject([{ id: made['id'] }, { subject: 'other' }]);
  });

  test('are those that were registered by a link before the migration', async () => {
    const databaseUrl = await createEmptyDatabase();
    const newest = new EnrolmentKeys1795291896270();
    const options = migrationOptions(databaseUrl);
    const migrations = Object.values(options.migrations ?? []);
    const before = new DataSource({
      ...options,
      migrations: migrations.slice(0, migrations.indexOf(EnrolmentKeys1795291896270)),
    });
    await before.initialize();
    try {
      await before.runMigrations();
      const zoneId = randomUUID();
      await rows(
        databaseUrl,
        'ALTER TABLE authenticators DROP CONSTRAINT authenticators_zone_id_fkey',
      );
      const stored = async (subject: string, kind: string, step: number | null) =>
        rows(
          databaseUrl,
          `INSERT INTO authenticators (zone_id, id, subject, kind, sealed_secret, last_step, credential_id, public_key, sign_count)
           VALUES ($1, gen_random_uuid(), $2, $3, '\\x00', $4, $2, '\\x00', 0)`,
          [zoneId, subject, kind, step],
        );
      await stored('by link', 'totp', 5);
      await stored('by operator', 'totp', null);
      await stored('passkey', 'webauthn', null);
      const runner = before.createQueryRunner();
      await newest.up(runner);
      await runner.release();
      expect(
        await rows(
          databaseUrl,
          `SELECT subject FROM authenticators WHERE kind = 'totp' AND NOT key_drawn`,
        ),
      ).toEqual([{ subject: 'by link' }]);
    } finally {
      await before.destroy();
    }
  });

  test('are replaced by one command, person by person', async () => {
    const other = await createTestZone(a);
    await storedBefore(zone, 'alice', null);
    await storedBefore(zone, 'alice', null);
    await storedBefore(zone, 'alice', 'https://idp.example');
    await storedBefore(zone, 'bob', null);
    await storedBefore(zone, 'alice', null, 'webauthn');
    await zone.admin('POST', '/authenticators', { subject: 'alice', kind: 'totp' });
    await storedBefore(other, 'alice', null);
    const renew = async (...args: string[]) =>
      runCli(['authenticators', 'renew', ...args, '--json'], {
        DATABASE_URL: a.databaseUrl,
        KEY_ENCRYPTION_KEY,
      });

    const run = await renew('--zone', zone.zoneId);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const renewed = jsonLinesOf(run);
    const people = renewed.map(({ subject, issuer, removed }) =>
      [subject, issuer, (removed as string[]).length].join(' '),
    );
    expect(people.toSorted()).toEqual(['alice  2', 'alice https://idp.example 1', 'bob  1']);
    // What nobody else can know is as it was.
    expect((await listed()).map(({ kind }) => String(kind)).toSorted()).toEqual([
      'totp',
      'webauthn',
    ]);
    for (const { subject, issuer, request_id: id, removed, enrolment_url: url } of renewed) {
      const audit = await zone.audit(String(id));
      expect(audit).toMatchObject([
        {
          outcome: 'done',
          event: {
            type: 'admin.authenticator.renewed',
            operator: 'command line',
            person: { subject, issuer },
            removed,
          },
        },
      ]);
      expect(JSON.stringify(audit)).not.toContain(fragmentOf(url));
    }
    const link = fragmentOf(renewed.find(({ subject }) => subject === 'bob')?.['enrolment_url']);
    const code = codeOf(keyOn((await send({ link })).text));
    expect((await send({ link, code })).status).toBe(200);
    expect(await listed('?key_known_to_log_readers=true')).toEqual([]);

    // Once: what was renewed is not renewed again.
    expect(await renew('--zone', zone.zoneId)).toEqual({ code: 0, stdout: '', stderr: '' });
    const elsewhere = await other.admin('GET', '/authenticators?key_known_to_log_readers=true');
    expect(elsewhere['items']).toHaveLength(1);
    // A zone that is not there has nobody.
    expect(await renew('--zone', randomUUID())).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('are renewed by the next command, if one is killed, but those whose links it has printed', async () => {
    for (const name of ['alice', 'bob', 'carol']) {
      // oxlint-disable-next-line no-await-in-loop
      await storedBefore(zone, name, null);
    }
    const args = ['authenticators', 'renew', '--zone', zone.zoneId, '--json'];
    const env = { DATABASE_URL: a.databaseUrl, KEY_ENCRYPTION_KEY };
    const bob: Statement = [
      `SELECT 1 FROM authenticators WHERE zone_id = $1 AND subject = 'bob' FOR UPDATE`,
      [zone.zoneId],
    ];
    const killed = await whileOpen(a.databaseUrl, bob, async () => {
      const command = startCli(args, env);
      await until(async () => command.said().includes('\n'));
      command.child.kill('SIGKILL');
      return command.ended;
    });
    expect(jsonLinesOf(killed)).toMatchObject([{ subject: 'alice' }]);
    const next = await runCli(args, env);
    expect(jsonLinesOf(next)).toMatchObject([{ subject: 'bob' }, { subject: 'carol' }]);
    const link = fragmentOf(jsonLinesOf(killed)[0]?.['enrolment_url']);
    expect((await send({ link })).status).toBe(200);
  });
});
