import { Injectable } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import type { EntityManager } from 'typeorm';
import { locateInBackground } from '../../policy/background/compile-in-background.js';
import { decideAside } from '../../policy/background/decide.js';
import { UncompilablePolicy } from '../../policy/engine/compile.js';
import { loadModules } from '../../policy/engine/load-modules.js';
import type { Located, PolicyPlace } from '../../policy/engine/locate.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { withPolicy } from '../policy/policy-check.js';
import { readRecorded, type Recorded } from '../policy/replay.js';
import { inputVariations } from './input-variations.js';
import type { ExplainedPolicy } from './explanation.js';
import { textAt, type RecordedObject } from './recorded.js';
import type { KnownNow } from './known-now.js';

/** What is known of the policies that decided on a request. */
export type DecidingPolicies = Pick<KnownNow, 'permitted' | 'permits'> & {
  /** Where they stand, by their names in verdicts. */
  readonly places: ReadonlyMap<string, ExplainedPolicy>;
};

const NOTHING: DecidingPolicies = { places: new Map(), permits: null, permitted: [] };

/** Looks up policies in the set version that decided, which never changes, and asks them what they would have permitted. */
@Injectable()
export class PoliciesOfDecisions {
  constructor(
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly policySets: PolicySets,
  ) {}

  /** @throws {OAuthError} temporarily_unavailable if policies cannot be worked on now */
  async of(event: RecordedObject): Promise<DecidingPolicies> {
    const recorded = readRecorded(event);
    const asked = recorded?.decisions.find(({ decision }) => decision !== 'allow');
    const [first = null] = recorded?.decisions ?? [];
    if (recorded === null || first === null) return NOTHING;
    const { zoneId, setVersionId } = recorded;
    const loaded = await loadModules(this.read, zoneId, setVersionId);
    const isTheSame =
      loaded.problem === null &&
      loaded.manifestSha256 === textAt(event, 'policy', 'manifest_sha256');
    if (loaded.problem !== null || !isTheSame) return NOTHING;
    const names = recorded.decisions.flatMap(({ determining_policies: by }) =>
      by.map(({ policy }) => policy),
    );
    const { input } = asked ?? first;
    const located = await locate({ modules: loaded.modules, names: [...new Set(names)], input });
    if (located === null) return NOTHING;
    const explained = await this.withVersions(zoneId, setVersionId, located);
    return {
      places: new Map(explained(located.named).map((one) => [one.policy, one])),
      permits: { shown: explained(located.permits), inAll: located.permits_in_all },
      permitted: asked?.decision === 'deny' ? await this.permitted(recorded) : [],
    };
  }

  /** What of the same request the same policies permit. */
  private async permitted(recorded: Recorded): Promise<readonly string[]> {
    const { zoneId, setVersionId, decisions } = recorded;
    const inputs = decisions.map(({ input }) => input);
    const variations = inputVariations(inputs);
    if (variations.length === 0) return [];
    return withPolicy(async () => {
      const stored = await this.policySets.read(this.read, zoneId, setVersionId);
      const policy = await this.policySets.open(stored);
      if (policy.status !== 'ready') return [];
      const all = variations.flatMap(({ inputs: varied }) => varied);
      const verdicts = await decideAside(`explain ${zoneId}`, policy.compiled, all);
      let next = 0;
      return variations.flatMap(({ inputs: varied, text }) => {
        const own = verdicts.slice(next, (next += varied.length));
        return own.every(({ decision }) => decision === 'allow') ? [text] : [];
      });
    });
  }

  /** @returns what says of policies which version of which policy of the zone they stand in */
  private async withVersions(zoneId: string, setVersionId: string, located: Located) {
    const modules = [...located.named, ...located.permits].map(({ module }) => module);
    const rows = await this.read.query<VersionRow[]>(VERSIONS, [
      zoneId,
      setVersionId,
      [...new Set(modules)],
    ]);
    const versions = new Map(rows.map((row) => [row.name, row]));
    return (places: readonly PolicyPlace[]): ExplainedPolicy[] =>
      places.map((place) => {
        const version = versions.get(place.module);
        return {
          ...place,
          ...(version === undefined
            ? {}
            : { version: version.version, policy_version_id: version.id }),
        };
      });
  }
}

/** @returns `null` for a set that does not compile: nothing was decided by it either */
async function locate(request: Parameters<typeof locateInBackground>[0]): Promise<Located | null> {
  try {
    return await withPolicy(() => locateInBackground(request));
  } catch (error) {
    if (error instanceof UncompilablePolicy) return null;
    throw error;
  }
}

interface VersionRow {
  readonly name: string;
  readonly id: string;
  readonly version: number;
}

const VERSIONS = `
  SELECT p.name, v.id, v.version
    FROM policies p
    JOIN policy_versions v ON v.zone_id = p.zone_id AND v.policy_id = p.id
    JOIN policy_set_members m ON m.zone_id = v.zone_id AND m.policy_version_id = v.id
   WHERE p.zone_id = $1 AND m.policy_set_version_id = $2 AND p.name = ANY ($3::text[])`;
