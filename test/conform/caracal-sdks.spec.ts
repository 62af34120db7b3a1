import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { killCommands, runCommand } from '../clients/command.js';
import { fetchPackages, Unreachable } from '../clients/toolchains/toolchain.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { describeWith, PYTHON_311, PYTHON_312, type Tool } from './tools.js';

const PROGRAMS = fileURLToPath(new URL('caracal', import.meta.url));
const ORDERS = 'resource://orders';

/** The longest time for the few small packages of a version. */
const FETCH_SECONDS = 100;

/**
 * An environment with a version of the SDK as it comes from its registry, with all that it needs, at fixed versions.
 *
 * @returns its Python, or why the packages cannot be had here and now
 */
async function environmentWith(
  tool: Tool,
  version: string,
  folder: string,
): Promise<string | Unreachable> {
  const python = join(folder, 'bin', 'python');
  const requirements = join(PROGRAMS, `${version}.txt`);
  const options = ['-q', '--only-binary', ':all:', '--no-deps', '-r', requirements];
  try {
    await fetchPackages(
      [
        { file: tool.path ?? '', args: ['-m', 'venv', folder], cwd: folder },
        { file: python, args: ['-m', 'pip', 'install', ...options], cwd: folder },
      ],
      FETCH_SECONDS,
    );
    return python;
  } catch (error) {
    if (error instanceof Unreachable) return error;
    throw error;
  }
}

/** What a program says: JSON, in its last line. */
async function said(python: string, version: string, env: Record<string, string>) {
  const program = join(PROGRAMS, `${version}.py`);
  const ended = await runCommand({ file: python, args: [program], cwd: PROGRAMS, env }, 200);
  expect(ended).toMatchObject({ code: 0 });
  return JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** The events of the audit log about agent sessions and delegations, and how often there is each. */
async function recorded({ replica, zoneId }: TestZone): Promise<Record<string, number>> {
  const found = await rows<{ type: string; n: number }>(
    replica.databaseUrl,
    `SELECT type || ' ' || outcome AS type, count(*)::int AS n FROM audit_events
      WHERE zone_id = $1 AND type ~ '^(agent_session|delegation)[.]' GROUP BY 1`,
    [zoneId],
  );
  return Object.fromEntries(found.map(({ type, n }) => [type, n]));
}

/** What a test of an SDK has. */
interface At {
  readonly python: string;
  readonly replica: Replica;
  readonly zone: TestZone;
}

function sdk(tool: Tool, version: string, tests: (at: (context: TestContext) => At) => void) {
  describeWith([tool], `caracalai-sdk ${version}`, () => {
    let folder: string;
    let python: string | Unreachable;
    let replica: Replica;
    let zone: TestZone;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'caracalai-sdk-'));
      python = await environmentWith(tool, version, folder);
      if (python instanceof Unreachable) return;
      replica = await sharedReplica();
      zone = await createTestZone(replica);
      await zone.admin('POST', '/resources', {
        identifier: ORDERS,
        scopes: ['agent:lifecycle', 'orders:read', 'orders:write'],
      });
    });

    afterAll(() => {
      killCommands();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    tests(({ skip }) => {
      if (python instanceof Unreachable) {
        console.log(`skipped: caracalai-sdk ${version} (${python.message})`);
        return skip(python.message);
      }
      return { python, replica, zone };
    });
  });
}

sdk(PYTHON_311, '0.1.1', (at) => {
  test('spawns, delegates and exchanges', async (context) => {
    const { python, replica, zone } = at(context);
    const session = await persistently(() =>
      zone.session({ resource: ORDERS, scope: 'orders:read orders:write' }),
    );
    const answer = await said(python, '0.1.1', {
      CARACAL_COORDINATOR_URL: replica.url,
      CARACAL_STS_URL: replica.url,
      CARACAL_ZONE_ID: zone.zoneId,
      CARACAL_APPLICATION_ID: zone.clientId,
      CARACAL_SUBJECT_TOKEN: String(session.body['access_token']),
      CLIENT_SECRET: zone.secret,
      RESOURCE: ORDERS,
    });
    expect(answer).toEqual({
      parent: expect.any(String),
      own: 'orders:read orders:write',
      delegated: 'orders:read',
      below: 'orders:read',
      ended: 'invalid_grant',
      children: [expect.any(String), expect.any(String), expect.any(String)],
      service: expect.any(String),
      edge: expect.any(String),
      handed: 'orders:read',
      'too much': 'invalid_scope',
    });
    expect(new Set(answer['children'] as string[]).size).toBe(3);
    expect(await recorded(zone)).toEqual({
      'agent_session.opened done': 7,
      'agent_session.ended done': 6,
      'delegation.created done': 2,
      'delegation.created denied': 1,
    });
  });
});

sdk(PYTHON_312, '1.0.0', (at) => {
  test('runs sessions and services, narrows, inherits, delegates and exchanges', async (context) => {
    const { python, replica, zone } = at(context);
    const answer = await said(python, '1.0.0', {
      URL: replica.url,
      ZONE: zone.zoneId,
      APPLICATION: zone.clientId,
      CLIENT_SECRET: zone.secret,
      RESOURCE: ORDERS,
    });
    expect(answer).toMatchObject({
      lifecycle: {
        conflict: [409, 'idempotency_key_conflict'],
        again: [409, 'idempotency_result_inactive'],
        twins: 1,
        generations: [1, 2],
        fenced: [409, 'session_lease_fenced'],
        gone: [409, 'session_not_live'],
      },
      delegations: {
        narrowed: 'orders:read',
        inherited: [true, 'orders:read'],
        none: [null, 'orders:read'],
        accepted: 'orders:read',
        revoked: 'not live',
        root: 'agent:lifecycle orders:read orders:write',
      },
    });
    expect(await recorded(zone)).toEqual({
      'agent_session.opened done': 8,
      'agent_session.opened denied': 2,
      'agent_session.ended done': 8,
      'agent_session.ended denied': 1,
      'agent_session.heartbeat denied': 2,
      'agent_session.leased done': 1,
      'delegation.created done': 2,
      'delegation.revoked done': 1,
    });
  });
});
