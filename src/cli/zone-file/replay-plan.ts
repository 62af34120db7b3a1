import type { JsonObject } from '../../oauth/strict-json.js';
import { Refusal } from '../api/refusal.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { runReplay } from '../replay/follow-replay.js';
import { replayText } from '../replay/print-replay.js';
import { withIds } from './cedar-names.js';
import type { Plan } from './plan.js';

/**
 * Makes recorded decisions again by the policies that a plan would have decide, zone by zone, and tells people what would be
 * different. Nothing of the plan is done for that.
 *
 * @param days as they were said; `true` for as many as are usual
 * @returns what was found, for the plans that have other policies decide; no entry for others
 * @throws {CommandFailure} if the policies cannot be tried as they are
 */
export async function replayPlans(
  context: CommandContext,
  plans: readonly Plan[],
  days: true | string,
): Promise<ReadonlyMap<Plan, JsonObject>> {
  if (days !== true && !/^[1-9][0-9]?$/.test(days)) {
    throw new CommandFailure(EXIT.usage, '--replay is no number of days, from 1 to 90');
  }
  const replays = new Map<Plan, JsonObject>();
  for (const plan of plans) {
    const body = candidateIn(plan);
    if (body === null || plan.zoneId === null) continue;
    const asked = { ...body, ...(days === true ? {} : { days: Number(days) }) };
    const replay = await replayOf(context, { zone: plan.zone, zoneId: plan.zoneId }, asked);
    replays.set(plan, replay);
    if (context.json) continue;
    const text = replayText(replay, context.terminal.width);
    await context.terminal.print(`\nby the policies of zone ${plan.zone}:\n${text}`);
  }
  return replays;
}

async function replayOf(
  context: CommandContext,
  { zone, zoneId }: { readonly zone: string; readonly zoneId: string },
  body: JsonObject,
): Promise<JsonObject> {
  try {
    return await runReplay(context, zoneId, body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code } = error;
    throw new CommandFailure(
      code,
      `the policies of zone ${zone} cannot be tried on its decisions: ${error.message}`,
    );
  }
}

/** The policies that would decide; `null` if those go on that decide now. */
function candidateIn({ steps, zoneId, issuer, clients }: Plan): JsonObject | null {
  const activation = steps.find((step) => step.do === 'activate');
  if (activation?.do !== 'activate') return null;
  const zone = zoneId === null || issuer === null ? null : { id: zoneId, issuer };
  const texts = new Map(
    steps.flatMap((step) => (step.do === 'write policy' ? [[step.name, step.text] as const] : [])),
  );
  const stored: string[] = [];
  const policies: JsonObject[] = [];
  for (const { name, versionId } of activation.members) {
    if (versionId !== null) stored.push(versionId);
    else {
      const { text } = withIds(texts.get(name) ?? '', { zone, clients });
      policies.push({ name, content: text });
    }
  }
  return {
    ...(stored.length === 0 ? {} : { policy_version_ids: stored }),
    policies,
  };
}
