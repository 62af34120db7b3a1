import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { expectRefused, openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import {
  callAdmin,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

/** Has the form of a secret that was drawn here, and is nobody's. */
const WRONG = `mds_${'x'.repeat(43)}`;
const IMPORTED = 'correct horse battery staple';

let replica: Replica;
let zone: TestZone;
let view: LedgerView;

beforeAll(async () => {
  replica = await startReplica({ env: { TRUST_PROXY: '1' } });
  zone = await createTestZone(replica);
  view = await openLedgerView(replica.databaseUrl);
});
afterAll(async () => {
  await view.close();
  await replica.stop();
});

interface Client {
  readonly clientId: string;
  readonly secret: string;
}

let sources = 0;
/** An address that nobody has guessed from yet. */
function newSource(): string {
  sources += 1;
  return `198.51.${sources >> 8}.${sources & 255}`;
}

function ask(client: Client, source = newSource(), parameters: Parameters = {}): Promise<Answer> {
  return zone.session(
    { client_id: client.clientId, client_secret: client.secret, ...parameters },
    { 'X-Forwarded-For': source },
  );
}

function askByBasic({ clientId, secret }: Client, source = newSource()): Promise<Answer> {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
  return zone.session(
    { client_id: undefined, client_secret: undefined },
    {
      'X-Forwarded-For': source,
      authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
    },
  );
}

/** All that a caller can tell refusals apart by, beside the time. */
function visible({ status, body, headers }: Answer) {
  const { requestId: _own, ...rest } = body;
  const own = ['date', 'x-request-id', 'mandate-request-id'];
  const kept = [...headers].filter(([name]) => !own.includes(name));
  return { status, body: rest, headers: Object.fromEntries(kept) };
}

async function importedClient(secret: string): Promise<Client> {
  const { clientId } = await zone.newClient();
  await zone.admin('POST', `/clients/${clientId}/secrets`, { secret });
  return { clientId, secret };
}

async function expire(client: Client): Promise<void> {
  await rows(
    replica.databaseUrl,
    `UPDATE client_secrets SET expires_at = now() - interval '1 second' WHERE zone_id = $1 AND client_id = $2`,
    [zone.zoneId, client.clientId],
  );
}

/** Everything that is wrong with a client's credentials; each must look the same from outside. */
const causes: Record<string, { reason: string; make: () => Promise<Client> }> = {
  'an unknown client': {
    reason: 'unknown client',
    make: () => Promise.resolve({ clientId: randomUUID(), secret: WRONG }),
  },
  'a client id that is no UUID': {
    reason: 'unknown client',
    make: () => Promise.resolve({ clientId: "x' OR true --", secret: WRONG }),
  },
  'a client id in capitals': {
    reason: 'unknown client',
    make: async () => {
      const { clientId, secret } = await zone.newClient();
      return { clientId: clientId.toUpperCase(), secret };
    },
  },
  'a wrong secret': {
    reason: 'wrong secret',
    make: async () => ({ ...(await zone.newClient()), secret: WRONG }),
  },
  'a wrong secret of another form': {
    reason: 'wrong secret',
    make: async () => ({ ...(await zone.newClient()), secret: 'password' }),
  },
  'an unknown client with a secret of another form': {
    reason: 'unknown client',
    make: () => Promise.resolve({ clientId: randomUUID(), secret: 'password' }),
  },
  'a secret cut short': {
    reason: 'wrong secret',
    make: async () => {
      const { clientId, secret } = await zone.newClient();
      return { clientId, secret: secret.slice(0, -1) };
    },
  },
  "another client's secret": {
    reason: 'wrong secret',
    make: async () => ({ ...(await zone.newClient()), secret: zone.secret }),
  },
  'a wrong imported secret': {
    reason: 'wrong secret',
    make: async () => ({ ...(await importedClient(IMPORTED)), secret: `${IMPORTED}!` }),
  },
  'a disabled client': {
    reason: 'client is disabled',
    make: async () => {
      const client = await zone.newClient();
      await zone.admin('PATCH', `/clients/${client.clientId}`, { disabled: true });
      return client;
    },
  },
  'a disabled client with an imported secret': {
    reason: 'client is disabled',
    make: async () => {
      const client = await importedClient(IMPORTED);
      await zone.admin('PATCH', `/clients/${client.clientId}`, { disabled: true });
      return client;
    },
  },
  'a deleted client': {
    reason: 'unknown client',
    make: async () => {
      const client = await zone.newClient();
      expect((await ask(client)).status).toBe(200);
      await zone.admin('DELETE', `/clients/${client.clientId}`);
      return client;
    },
  },
  'an expired secret': {
    reason: 'wrong secret',
    make: async () => {
      const client = await zone.newClient();
      expect((await ask(client)).status).toBe(200);
      await expire(client);
      return client;
    },
  },
  'an expired imported secret that was right before': {
    reason: 'wrong secret',
    make: async () => {
      const client = await importedClient(IMPORTED);
      expect((await ask(client)).status).toBe(200);
      await expire(client);
      return client;
    },
  },
  'a revoked secret': {
    reason: 'wrong secret',
    make: async () => {
      const client = await zone.newClient();
      await revokeAll(client);
      return client;
    },
  },
  'a revoked imported secret that was right before': {
    reason: 'wrong secret',
    make: async () => {
      const client = await importedClient(IMPORTED);
      expect((await ask(client)).status).toBe(200);
      await revokeAll(client);
      return client;
    },
  },
};

async function revokeAll({ clientId }: Client): Promise<void> {
  const { items } = await zone.admin('GET', `/clients/${clientId}/secrets`);
  for (const { id } of items as { id: string }[]) {
    // oxlint-disable-next-line no-await-in-loop
    await zone.admin('DELETE', `/clients/${clientId}/secrets/${id}`);
  }
}

describe('a client that does not prove who it is', () => {
  for (const [name, { reason, make }] of Object.entries(causes)) {
    test(`refuses ${name} like any other, by either method`, async () => {
      const client = await make();
      const reference = { clientId: zone.clientId, secret: WRONG };
      const before = await view.created();
      const byPost = await ask(client);
      const byBasic = await askByBasic(client);
      await expectRefused(view, byPost, { status: 401, error: 'invalid_client', reason });
      await expectRefused(view, byBasic, { status: 401, error: 'invalid_client', reason });
      expect(visible(byPost)).toEqual(visible(await ask(reference)));
      expect(visible(byBasic)).toEqual(visible(await askByBasic(reference)));
      expect(byPost.headers.get('www-authenticate')).toBeNull();
      expect(byBasic.headers.get('www-authenticate')).toMatch(/^Basic /);
      expect(await view.created()).toEqual(before);
    });
  }

  test.each([
    ['client_secret_post', askByBasic, ask],
    ['client_secret_basic', ask, askByBasic],
  ] as const)('refuses by another method than %s', async (method, refusing, granting) => {
    const client = await zone.newClient({ auth_methods: [method] });
    expect((await granting(client)).status).toBe(200);
    const answer = await refusing(client);
    await expectRefused(view, answer, {
      status: 401,
      error: 'invalid_client',
      reason: /not registered for/,
    });
    expect(visible(answer)).toEqual(
      visible(await refusing({ clientId: zone.clientId, secret: WRONG })),
    );
  });

  test("refuses a client of another zone that names this zone, and files it under the client's", async () => {
    const other = await createTestZone(replica);
    const answer = await ask(other, newSource(), { zone_id: zone.zoneId });
    await expectRefused(view, answer, {
      status: 401,
      error: 'invalid_client',
      reason: 'client of another zone',
    });
    expect((await other.audit(answer.requestId))[0]?.zone_id).toBe(other.zoneId);
  });
});

describe('rotation', () => {
  test('grants with two live secrets, and refuses to make a third', async () => {
    const client = await zone.newClient();
    const path = `/clients/${client.clientId}/secrets`;
    const second = await zone.admin('POST', path, {});
    const next = { ...client, secret: String(second['client_secret']) };
    expect((await ask(client)).status).toBe(200);
    expect((await ask(next)).status).toBe(200);

    const third = await callAdmin(replica, 'POST', `/zones/${zone.zoneId}${path}`, {});
    expect(third.status).toBe(409);
    expect(third.body).toMatchObject({ error: 'conflict' });

    const { items } = await zone.admin('GET', path);
    const [oldest] = items as { id: string }[];
    await zone.admin('DELETE', `${path}/${String(oldest?.id)}`);
    expect((await ask(client)).status).toBe(401);
    expect((await ask(next)).status).toBe(200);
    await zone.admin('POST', path, {});
  });

  test('grants with a drawn and an imported secret beside each other', async () => {
    const drawn = await zone.newClient();
    await zone.admin('POST', `/clients/${drawn.clientId}/secrets`, { secret: IMPORTED });
    expect((await ask(drawn)).status).toBe(200);
    expect((await ask({ ...drawn, secret: IMPORTED })).status).toBe(200);
  });

  test('grants by Basic with a secret that the client encodes, and that it does not', async () => {
    const basic = (clientId: string, written: string) =>
      zone.session(
        { client_id: undefined, client_secret: undefined },
        { authorization: `Basic ${Buffer.from(`${clientId}:${written}`).toString('base64')}` },
      );
    for (const secret of ['p+q r%41', '100% right', 'a%zz+b&c=d', 'q~:~q++++']) {
      const { clientId } = await importedClient(secret);
      const encoded = new URLSearchParams([['', secret]]).toString().slice(1);
      expect([secret, (await basic(clientId, encoded)).status]).toEqual([secret, 200]);
      expect([secret, (await basic(clientId, secret)).status]).toEqual([secret, 200]);
      const wrong = await basic(clientId, `${secret}+`);
      expect([secret, wrong.status, wrong.body['error']]).toEqual([secret, 401, 'invalid_client']);
    }
  });

  test('grants by Basic with a secret that is not ASCII, however the client writes it', async () => {
    const secret = 'Grüße an 100% alle';
    const { clientId } = await importedClient(secret);
    const encoded = new URLSearchParams([['', secret]]).toString().slice(1);
    for (const written of [
      Buffer.from(`${clientId}:${encoded}`),
      Buffer.from(`${clientId}:${secret}`, 'utf8'),
      // As Python's requests does.
      Buffer.from(`${clientId}:${secret}`, 'latin1'),
    ]) {
      const authorization = `Basic ${written.toString('base64')}`;
      // oxlint-disable-next-line no-await-in-loop -- one of them is enough to fail
      const answer = await zone.session(
        { client_id: undefined, client_secret: undefined },
        { authorization },
      );
      expect([written.toString('latin1'), answer.status]).toEqual([
        written.toString('latin1'),
        200,
      ]);
    }
  });

  test('is given no secret that clients could not send in the ways that there are', async () => {
    const { clientId } = await zone.newClient();
    const path = `/zones/${zone.zoneId}/clients/${clientId}/secrets`;
    const add = (secret: unknown) => callAdmin(replica, 'POST', path, { secret });
    // Decoded it looks like one that was drawn here, and would be looked for among these.
    const drawn = `mds_${'A'.repeat(43)}`;
    for (const secret of [drawn, drawn.replace('A', '%41'), `%6d${drawn.slice(1)}`]) {
      // oxlint-disable-next-line no-await-in-loop -- one of them is enough to fail
      expect(await add(secret)).toMatchObject({ status: 422 });
    }
    const { items } = await zone.admin('GET', `/clients/${clientId}/secrets`);
    expect(items).toHaveLength(1);
  });

  test('grants until a secret expires', async () => {
    const client = await zone.newClient();
    const expires = Date.now() + 1_500;
    const added = await zone.admin('POST', `/clients/${client.clientId}/secrets`, {
      expires_at: new Date(expires).toISOString(),
    });
    const passing = { ...client, secret: String(added['client_secret']) };
    const granted = await ask(passing);
    // Of a machine that is so busy that the time is over, nothing can be said.
    if (Date.now() < expires) expect(granted.status).toBe(200);
    await expect.poll(async () => (await ask(passing)).status).toBe(401);
    expect(Date.now()).toBeGreaterThanOrEqual(expires);
    expect((await ask(client)).status).toBe(200);
  });
});

/** Guesses until it is told to slow down. */
async function guessUntilSlowedDown(client: Client, source: string): Promise<Answer> {
  for (let guesses = 0; guesses < 30; guesses += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask(client, source);
    if (answer.status === 429) {
      expect(guesses).toBeGreaterThanOrEqual(5);
      return answer;
    }
    expect(answer.status).toBe(401);
  }
  throw new Error('nobody said stop');
}

describe('guessing', () => {
  test('is slowed down, but the right secret works at once and from anywhere', async () => {
    const client = await zone.newClient();
    const source = newSource();
    const stopped = await guessUntilSlowedDown({ ...client, secret: WRONG }, source);
    expect(stopped.body).toEqual({
      error: 'slow_down',
      error_description: expect.any(String),
      requestId: stopped.requestId,
    });
    expect(Number(stopped.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(stopped.headers.get('cache-control')).toBe('no-store');

    expect((await ask(client, source)).status).toBe(200);
    expect((await ask({ ...client, secret: WRONG }, source)).status).toBe(429);
    expect((await ask({ ...client, secret: WRONG }, newSource())).status).toBe(401);
    expect((await ask({ clientId: zone.clientId, secret: WRONG }, source)).status).toBe(401);
  });

  test('is slowed down for unknown clients as for known ones', async () => {
    const known = await zone.newClient();
    const answers = [
      await guessUntilSlowedDown({ ...known, secret: WRONG }, newSource()),
      await guessUntilSlowedDown({ clientId: randomUUID(), secret: WRONG }, newSource()),
    ].map(visible);
    expect(answers[0]).toEqual(answers[1]);
  });

  test('believes only the nearest proxy about where a guess came from', async () => {
    const client = await zone.newClient();
    const source = newSource();
    await guessUntilSlowedDown({ ...client, secret: WRONG }, source);
    const forged = `${newSource()}, ${source}`;
    expect((await ask({ ...client, secret: WRONG }, forged)).status).toBe(429);
  });

  test('is not recorded once it was told to slow down, so that nobody fills the log', async () => {
    const client = await zone.newClient();
    const { requestId } = await guessUntilSlowedDown({ ...client, secret: WRONG }, newSource());
    expect(await zone.audit(requestId)).toEqual([]);
  });

  test('of an imported secret does not lock out who knows it', async () => {
    const client = await importedClient(IMPORTED);
    const source = newSource();
    expect((await ask(client, source)).status).toBe(200);
    await guessUntilSlowedDown({ ...client, secret: 'wrong password' }, source);
    expect((await ask(client, source)).status).toBe(200);
    expect((await ask(client)).status).toBe(200);
  });
});

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${replica.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

describe('a flood of wrong guesses', () => {
  /** If each had its 19 MiB at once, they would have 25 times what they may. */
  const GUESSES = 200;
  const floods: Record<string, (client: Client, n: number) => [Client, string]> = {
    'about one client from one place': (client) => [client, '203.0.113.1'],
    'about one client from many places': (client, n) => [client, `203.0.113.${n % 250}`],
    'about clients that do not exist, from one place': ({ secret }) => [
      { clientId: randomUUID(), secret },
      '203.0.113.1',
    ],
  };
  for (const [name, aim] of Object.entries(floods)) {
    test(`${name} costs little memory, and others go on being answered`, async () => {
      const victim = await importedClient(IMPORTED);
      const bystander = { clientId: zone.clientId, secret: zone.secret };
      for (let n = 0; n < 60; n += 1) {
        // oxlint-disable-next-line no-await-in-loop
        expect((await persistently(() => ask(bystander))).status).toBe(200);
      }
      const before = await residentBytes();

      const flood = { over: false };
      const guessers = Promise.all(
        Array.from({ length: GUESSES }, (_, n) => {
          const [client, source] = aim({ ...victim, secret: `wrong guess ${n}` }, n);
          return ask(client, source);
        }),
      ).finally(() => {
        flood.over = true;
      });
      let peak = before;
      for (let answered = 0; !flood.over || answered < 5; answered += 1) {
        // oxlint-disable-next-line no-await-in-loop
        expect((await persistently(() => ask(bystander))).status).toBe(200);
        // oxlint-disable-next-line no-await-in-loop
        peak = Math.max(peak, await residentBytes());
      }
      const statuses = new Set((await guessers).map(({ status }) => status));

      // Refused or turned away, never let in.
      expect([...statuses].filter((status) => ![401, 429, 503].includes(status))).toEqual([]);
      expect(peak - before).toBeLessThan(150 * 1_048_576);
      expect((await persistently(() => ask(victim))).status).toBe(200);
    });
  }

  test('from one place does not keep out imported secrets from elsewhere', async () => {
    const clients = await Promise.all(Array.from({ length: 3 }, () => importedClient(IMPORTED)));
    const flood = { over: false, turnedAway: 0 };
    const guessers = Promise.all(
      Array.from({ length: 60 }, async () => {
        while (!flood.over) {
          const guess = { clientId: randomUUID(), secret: 'wrong guess' };
          // oxlint-disable-next-line no-await-in-loop
          const { status } = await ask(guess, '203.0.113.9');
          if (status !== 401) flood.turnedAway += 1;
        }
      }),
    );
    const answers: number[] = [];
    try {
      await until(() => Promise.resolve(flood.turnedAway > 0));
      for (const client of clients) {
        // The flood goes on until all of them have been let in.
        // oxlint-disable-next-line no-await-in-loop
        answers.push((await persistently(() => ask(client))).status);
      }
    } finally {
      flood.over = true;
    }
    await guessers;
    expect(answers).toEqual([200, 200, 200]);
  });
});
