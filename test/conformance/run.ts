import { CHECKS } from './checks/checks.js';
import { missingSettings, type Configuration } from './configuration.js';
import { discover } from './discovery.js';
import { REQUIREMENTS, type RequirementId } from './requirements/requirements.js';
import type { Requirement } from './requirements/requirement.js';
import { Server } from './server.js';
import { Blocked, NotApplicable, Unmet } from './verdict.js';

/**
 * What came of a requirement.
 * - `passed`: the server meets it;
 * - `failed`: it does not;
 * - `warned`: it does not, but the requirement is a SHOULD;
 * - `expected`: it does not, and the configuration says why;
 * - `not_applicable`: it is about something that the server does not do;
 * - `skipped`: what it needs is not configured, or was refused.
 */
export type Outcome = 'passed' | 'failed' | 'warned' | 'expected' | 'not_applicable' | 'skipped';

/** What came of a requirement, and why. */
export interface Result {
  readonly requirement: Requirement;
  readonly outcome: Outcome;
  readonly detail: string;
}

/**
 * Finds the server and what it says of itself.
 *
 * @param ask how requests are sent
 */
export async function openServer(
  configuration: Configuration,
  ask: typeof fetch = fetch,
): Promise<Server> {
  const asking = reaching(ask);
  return new Server(configuration, await discover(configuration, asking), asking);
}

/** A server that does not answer at all does not meet what it is asked for. */
function reaching(ask: typeof fetch): typeof fetch {
  return async (input, init) => {
    try {
      return await ask(input, init);
    } catch (error) {
      const { cause = error } = error instanceof Error ? error : {};
      throw new Unmet(
        `${input instanceof Request ? input.url : String(input)} cannot be reached: ${String(cause)}`,
      );
    }
  };
}

/** Tries one requirement. */
export async function tryRequirement(server: Server, id: RequirementId): Promise<Result> {
  const requirement = REQUIREMENTS.find((one) => one.id === id);
  if (requirement === undefined) throw new Error(`no requirement ${id}`);
  const { outcome, detail } = await outcomeOf(server, id, requirement);
  return { requirement, ...judge(requirement, server.configuration, outcome, detail) };
}

/** Tries all requirements, one after the other. */
export async function tryAll(server: Server): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const { id } of REQUIREMENTS) results.push(await tryRequirement(server, id));
  return results;
}

interface Found {
  readonly outcome: Outcome;
  readonly detail: string;
}

async function outcomeOf(
  server: Server,
  id: RequirementId,
  { grant, needs }: Requirement,
): Promise<Found> {
  try {
    const { not_claimed: notClaimed = {} } = server.configuration;
    const [, reason] = Object.entries(notClaimed).find(([start]) => id.startsWith(start)) ?? [];
    if (reason !== undefined) throw new NotApplicable(reason);
    if (grant !== null && !(await server.takes(grant))) {
      throw new NotApplicable(`the server knows no ${grant}`);
    }
    const missing = missingSettings(server.configuration, needs);
    if (missing.length > 0) throw new Blocked(`not configured: ${missing.join(', ')}`);
    await CHECKS[id](server);
    return { outcome: 'passed', detail: '' };
  } catch (error) {
    if (error instanceof Unmet) return { outcome: 'failed', detail: error.message };
    if (error instanceof NotApplicable) return { outcome: 'not_applicable', detail: error.message };
    if (error instanceof Blocked) return { outcome: 'skipped', detail: error.message };
    throw error;
  }
}

/** Weighs what was found by the level of the requirement and what is expected of the server. */
function judge(
  { id, level }: Requirement,
  { expected_failures: expected = {}, strict = false }: Configuration,
  outcome: Outcome,
  detail: string,
): Found {
  const reason = expected[id];
  if (outcome === 'failed') {
    if (reason !== undefined) return { outcome: 'expected', detail: `${detail}. ${reason}` };
    return { outcome: level === 'MUST' || strict ? 'failed' : 'warned', detail };
  }
  if (outcome === 'passed' && reason !== undefined) {
    return { outcome: strict ? 'failed' : 'warned', detail: 'was expected to fail, and passes' };
  }
  return { outcome, detail };
}
