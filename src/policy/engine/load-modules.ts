import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { manifestOf, type PolicySource } from './compile.js';

/** Hex SHA-256 of a policy's text. */
export function contentSha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The modules of a policy set version, or why they cannot be used. */
export type LoadedModules =
  | {
      readonly modules: readonly PolicySource[];
      /** The manifest hash of these modules. */
      readonly manifestSha256: string;
      readonly problem: null;
    }
  | {
      readonly modules: readonly [];
      readonly problem: string;
      readonly kind: 'missing' | 'hash';
    };

/** Rows that are read at a time: ten thousand at once would block the event loop. */
const ROWS_PER_READ = 500;

/** Reads the policy versions of a set version, each called like its policy, and checks their hashes. */
export async function loadModules(
  tx: Pick<EntityManager, 'query'>,
  zoneId: string,
  setVersionId: string,
): Promise<LoadedModules> {
  const members = await tx.query<{ id: string }[]>(
    `SELECT policy_version_id AS id FROM policy_set_members
      WHERE zone_id = $1 AND policy_set_version_id = $2 ORDER BY policy_version_id`,
    [zoneId, setVersionId],
  );
  return loadVersions(
    tx,
    zoneId,
    members.map(({ id }) => id),
  );
}

interface StoredModule {
  readonly name: string | null;
  readonly content: string;
  readonly sha256: string;
}

/**
 * Reads given policy versions, as {@link loadModules} does.
 *
 * @param versionIds each once
 */
export async function loadVersions(
  tx: Pick<EntityManager, 'query'>,
  zoneId: string,
  versionIds: readonly string[],
): Promise<LoadedModules> {
  const modules: PolicySource[] = [];
  const manifest: [id: string, sha256: string][] = [];
  for (let start = 0; start < versionIds.length; start += ROWS_PER_READ) {
    const ids = versionIds.slice(start, start + ROWS_PER_READ);
    const rows = await tx.query<StoredModule[]>(
      `SELECT p.name, v.content, v.sha256
         FROM policy_versions v
         LEFT JOIN policies p ON p.zone_id = v.zone_id AND p.id = v.policy_id
        WHERE v.zone_id = $1 AND v.id = ANY ($2::uuid[])`,
      [zoneId, ids],
    );
    if (rows.length !== ids.length) return broken('missing', 'a policy version of the set is gone');
    for (const { name, content, sha256 } of rows) {
      if (name === null) return broken('missing', 'a policy of the set is gone');
      if (contentSha256(content) !== sha256) {
        return broken('hash', `the content of ${name} does not match its hash`);
      }
      modules.push({ id: name, content });
      manifest.push([name, sha256]);
    }
  }
  return { modules, manifestSha256: manifestOf(manifest), problem: null };
}

function broken(kind: 'missing' | 'hash', problem: string): LoadedModules {
  return { modules: [], problem, kind };
}
