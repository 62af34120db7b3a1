import { randomUUID } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { postForm } from '../setup/zone.js';
import { fileForTest, folderForTest, mandate } from '../setup/zone-file.js';

let replica: Replica;

beforeAll(async () => {
  replica = await sharedReplica();
});

const file = (name: string, clients: string) => `apiVersion: mandate/v1
zone: { name: ${name} }
resources: [{ identifier: https://a.example, scopes: [a] }]
clients:
${clients}
policies:
  - { name: all, text: '@id("all") permit (principal, action == Action::"TokenExchange", resource);' }
policy_set: { name: main }
`;

async function opens(clientId: string, secret: string): Promise<number> {
  const { status } = await postForm(replica.url, {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: secret,
    resource: 'https://a.example',
    scope: 'a',
  });
  return status;
}

async function clientsOf(zone: string) {
  return rows<{ name: string; id: string; live: string }>(
    replica.databaseUrl,
    `SELECT c.name, c.id, (SELECT count(*) FROM client_secrets s WHERE s.zone_id = c.zone_id
        AND s.client_id = c.id AND s.revoked_at IS NULL) AS live
       FROM clients c JOIN zones z ON z.id = c.zone_id WHERE z.name = $1 ORDER BY c.name`,
    [zone],
  );
}

test('secrets come from where the file says, and are nowhere else', async () => {
  const name = `secrets ${randomUUID()}`;
  const folder = folderForTest();
  const [given, kept] = [`given ${randomUUID()}`, `kept ${randomUUID()}`];
  writeFileSync(join(folder, 'kept.secret'), `${kept}\n`);
  const path = fileForTest(
    file(
      name,
      `  - { name: by-env, secret: { env: BY_ENV } }
  - { name: by-file, secret: { file: kept.secret } }
  - { name: drawn, secret: { generate: true } }`,
    ),
    'zone.yaml',
    folder,
  );
  const missing = await mandate(replica, ['apply', '-f', path, '--yes']);
  expect(missing).toMatchObject({ code: 2, stderr: 'environment variable BY_ENV is not set\n' });
  expect(await clientsOf(name)).toEqual([]);

  const out = join(folder, 'secrets.ndjson');
  const apply = ['apply', '-f', path, '--yes', '--secrets-out', out];
  const run = await mandate(replica, apply, { variables: { BY_ENV: given } });
  expect(run).toMatchObject({ code: 0 });
  const clients = await clientsOf(name);
  expect(clients.map(({ live }) => Number(live))).toEqual([1, 1, 1]);
  const [byEnv, byFile, drawn] = clients.map(({ id }) => id);
  const written = readFileSync(out, 'utf8').trim().split('\n');
  expect(written).toHaveLength(1);
  const { secret, ...of } = JSON.parse(written[0] ?? '') as Record<string, string>;
  expect(of).toEqual({ zone: name, noun: 'client', name: 'drawn', id: drawn });
  expect(statSync(out).mode & 0o777).toBe(0o600);
  expect(await opens(byEnv ?? '', given)).toBe(200);
  expect(await opens(byFile ?? '', kept)).toBe(200);
  expect(await opens(drawn ?? '', secret ?? '')).toBe(200);
  for (const one of [given, kept, secret ?? '']) expect(run.stdout + run.stderr).not.toContain(one);

  // Secrets that are there stay, whatever the references mean by now.
  const again = await mandate(replica, apply, { variables: { BY_ENV: 'another one' } });
  expect(again.stdout).toBe(`zone ${name}\nNothing to do.\n`);
  const exported = (await mandate(replica, ['export', name])).stdout;
  expect(exported).toContain('    secret:\n      env: BY_ENV_SECRET\n');
  expect(exported).toContain('    secret:\n      generate: true\n');
});

test('a file for secrets that others can read is refused before anything is done', async () => {
  const name = `open ${randomUUID()}`;
  const path = fileForTest(file(name, '  - { name: a, secret: { generate: true } }'));
  const out = fileForTest('before\n', 'secrets.ndjson');
  chmodSync(out, 0o644);
  const apply = ['apply', '-f', path, '--yes', '--secrets-out', out];
  expect(await mandate(replica, apply)).toMatchObject({ code: 2 });
  expect(await clientsOf(name)).toEqual([]);
  chmodSync(out, 0o600);
  expect(await mandate(replica, apply)).toMatchObject({ code: 0 });
  expect(readFileSync(out, 'utf8')).toMatch(/^before\n\{.*\}\n$/);
});

test('a secret that is drawn is shown once', async () => {
  const name = `shown ${randomUUID()}`;
  const path = fileForTest(file(name, '  - { name: a, secret: { generate: true } }'));
  const run = await mandate(replica, ['apply', '-f', path, '--yes', '--json']);
  const { secrets } = JSON.parse(run.stdout) as { secrets: { id: string; secret: string }[] };
  expect(secrets).toHaveLength(1);
  expect(await opens(secrets[0]?.id ?? '', secrets[0]?.secret ?? '')).toBe(200);
});

test('a secret ends when the file says, and again there is nothing to do', async () => {
  const name = `ends ${randomUUID()}`;
  const soon = new Date(Date.now() + 86_400_000).toISOString();
  const path = (end: string) =>
    fileForTest(
      file(
        name,
        `  - { name: drawn, secret: { generate: true, expires_at: '${end}' } }
  - { name: given, secret: { env: GIVEN, expires_at: '${end}' } }`,
      ),
    );
  const variables = { GIVEN: `given ${randomUUID()}` };
  const apply = (end: string) =>
    mandate(replica, ['apply', '-f', path(end), '--yes'], { variables });
  const ends = async () =>
    (
      await rows<{ end: Date }>(
        replica.databaseUrl,
        `SELECT s.expires_at AS end FROM client_secrets s JOIN zones z ON z.id = s.zone_id
          WHERE z.name = $1 AND s.revoked_at IS NULL`,
        [name],
      )
    ).map(({ end }) => end.toISOString());
  expect(await apply(soon)).toMatchObject({ code: 0 });
  expect(await ends()).toEqual([soon, soon]);
  expect(await apply(soon)).toMatchObject({ stdout: `zone ${name}\nNothing to do.\n` });
  const later = new Date(Date.now() + 2 * 86_400_000).toISOString();
  const changed = await apply(later);
  expect(changed.stdout).toContain(
    `expires_at of the secret that is there: "${soon}" → "${later}"`,
  );
  expect(changed).toMatchObject({ code: 0 });
  expect(await ends()).toEqual([later, later]);

  const exported = (await mandate(replica, ['export', name])).stdout;
  expect(exported).toContain(`      generate: true\n      expires_at: ${later}\n`);
  const same = await mandate(replica, ['apply', '-f', fileForTest(exported), '--prune', '--yes']);
  expect(same).toMatchObject({ code: 0, stdout: `zone ${name}\nNothing to do.\n` });
  // A file that does not say leaves it as it is.
  const silent = fileForTest(exported.replaceAll(/ +expires_at: .*\n/g, ''));
  expect(await mandate(replica, ['plan', '-f', silent])).toMatchObject({ code: 0 });
  const over = await mandate(replica, ['plan', '-f', path('2020-01-01T00:00:00Z')]);
  expect(over).toMatchObject({
    code: 7,
    stderr: expect.stringContaining('clients[0].secret.expires_at: is over'),
  });
});
