import { basename } from 'node:path';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { numberOf } from '../nouns/replay-actions.js';
import { EXIT } from '../command-result.js';
import { progressAt } from '../progress.js';
import { applyPlan, StepFailed, type DrawnSecret } from './apply-plan.js';
import { describeFailure } from './describe-failure.js';
import { exportLogo } from './export-logo.js';
import { exportZone, writeYaml } from './export-zone.js';
import { readLiveZone } from './live-zone.js';
import { makePlan } from './make-plan.js';
import type { Plan } from './plan.js';
import { WrongZoneFile } from './problems.js';
import { replayPlans } from './replay-plan.js';
import { readZoneFile } from './read-zone-file.js';
import { SecretValues } from './secret-values.js';
import { secretsFile, type SecretSink } from './secrets-out.js';
import { planJson, showPlan } from './show-plan.js';
import { describeStep } from './describe-step.js';
import { checkNew, writeNewFiles, type NewFile } from './write-new-file.js';

/** What is said to `plan`. */
export interface PlanSaid {
  readonly file: string;
  readonly prune?: true;
  /** Days, if they were said. */
  readonly replay?: true | string;
}

/** What is said to `apply`. */
export interface ApplySaid extends Omit<PlanSaid, 'replay'> {
  readonly yes?: true;
  readonly secretsOut?: string;
  readonly maxChanges?: string;
}

/** The most that an activation takes as `max_changes`. */
const MOST_CHANGES = 1_000_000;

/** Environment variables, which secrets may be in. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * `plan`: says what `apply` would do. Changes nothing.
 *
 * @returns the exit code: {@link EXIT.differs} if there is something to do
 */
export async function runPlan(context: CommandContext, said: PlanSaid): Promise<number> {
  const plans = await plansFor(context, said);
  const { terminal, json } = context;
  if (!json) await terminal.print(showAll(plans, context));
  const replays = said.replay === undefined ? null : await replayPlans(context, plans, said.replay);
  if (json) {
    const zones = plans.map((plan) => ({
      ...planJson(plan),
      ...(replays === null ? {} : { replay: replays.get(plan) ?? null }),
    }));
    await terminal.print(`${JSON.stringify({ zones }, null, 2)}\n`);
  }
  return plans.some(({ differences }) => differences.length > 0) ? EXIT.differs : EXIT.done;
}

/** `apply`: makes a plan, shows it, asks, and carries it out. @returns the exit code */
export async function runApply(
  context: CommandContext,
  said: ApplySaid,
  variables: Variables,
): Promise<number> {
  const most = budgetOf(said.maxChanges);
  const plans = (await plansFor(context, said)).map((plan) => withBudget(plan, most));
  const { terminal, json } = context;
  const toDo = plans.filter(({ steps }) => steps.length > 0);
  if (!json) await terminal.print(showAll(plans, context));
  if (toDo.length === 0) {
    if (json) await printApplied(context, plans, 0, []);
    return EXIT.done;
  }
  for (const plan of toDo) await checkSecrets(plan, variables);
  if (said.yes !== true) await confirm(context);
  const sink = said.secretsOut === undefined ? null : secretsFile(said.secretsOut);
  const shown: DrawnSecret[] = [];
  const steps = toDo.reduce((sum, plan) => sum + plan.steps.length, 0);
  let done = 0;
  try {
    for (const plan of toDo) {
      await applyPlan(context.api, plan, new SecretValues(variables, plan.folder), {
        done: (step) => {
          done += 1;
          if (!json) terminal.say(`done (${done} of ${steps}): ${describeStep(step)}\n`);
        },
        keep: (secret) => (sink ?? shownTo(context, shown)).keep(secret),
      });
    }
  } catch (error) {
    throw error instanceof StepFailed ? describeFailure(error, done) : error;
  } finally {
    sink?.close();
    // Whatever failed since: secrets cannot be had again.
    if (json) await printApplied(context, plans, done, shown);
  }
  return EXIT.done;
}

/** The most decisions that may be other ones. @throws {CommandFailure} before anything is done for what an activation refuses */
function budgetOf(said: string | undefined): number | undefined {
  if (said === undefined) return undefined;
  const most = numberOf('--max-changes', said);
  if (most <= MOST_CHANGES) return most;
  throw new CommandFailure(EXIT.usage, `--max-changes is ${MOST_CHANGES} at most`);
}

/** A plan that lets other policies decide only if no more decisions would be other ones. */
function withBudget(plan: Plan, maxChanges: number | undefined): Plan {
  if (maxChanges === undefined || plan.zoneId === null) return plan;
  const steps = plan.steps.map((step) => (step.do === 'activate' ? { ...step, maxChanges } : step));
  return { ...plan, steps };
}

/** Shows secrets at once, for people; for programs they are in the document that ends the command. */
function shownTo(
  { json, terminal }: CommandContext,
  shown: DrawnSecret[],
): Pick<SecretSink, 'keep'> {
  return {
    keep(secret) {
      shown.push(secret);
      return json ? Promise.resolve() : terminal.print(secretLine(secret));
    },
  };
}

/** `export`: writes zones as a file. @param file where to; the standard output if absent */
export async function runExport(
  context: CommandContext,
  zones: readonly string[],
  file: string | undefined,
): Promise<number> {
  if (file !== undefined) checkNew(file);
  const exported = [];
  const logos: NewFile[] = [];
  const progress = progressAt(context.terminal);
  for (const [n, zone] of zones.entries()) {
    const live = await readLiveZone(context.api, zone);
    if (live === null)
      throw new CommandFailure(EXIT.missing, `there is no zone ${JSON.stringify(zone)}`);
    const logo = await exportLogo(context, live, file, n);
    if (logo !== null) logos.push(logo);
    exported.push(
      await exportZone(context.api, live, logo === null ? null : basename(logo.path), progress),
    );
  }
  const text = context.json
    ? `${JSON.stringify(exported.length === 1 ? exported[0] : exported, null, 2)}\n`
    : writeYaml(exported);
  if (file === undefined) await context.terminal.print(text);
  else writeNewFiles([...logos, { path: file, content: text }]);
  return EXIT.done;
}

async function plansFor(context: CommandContext, { file, prune }: PlanSaid): Promise<Plan[]> {
  try {
    const text = file === '-' ? await context.read('-') : undefined;
    const documents = await readZoneFile(file, text);
    const plans: Plan[] = [];
    for (const document of documents)
      plans.push(await makePlan(context.api, document, { prune: prune === true }));
    return plans;
  } catch (error) {
    if (error instanceof WrongZoneFile) throw new CommandFailure(EXIT.invalid, error.message);
    throw error;
  }
}

function showAll(plans: readonly Plan[], { terminal }: CommandContext): string {
  return plans.map((plan) => showPlan(plan, terminal.color)).join('\n');
}

/** @throws {CommandFailure} for a secret that is not where the file says, before anything is done */
async function checkSecrets({ steps, folder }: Plan, variables: Variables): Promise<void> {
  const secrets = new SecretValues(variables, folder);
  for (const step of steps) {
    if (step.do === 'add secret' && SecretValues.isElsewhere(step.from)) await check(step.from);
    if (step.do !== 'create' && step.do !== 'change') continue;
    for (const field of ['secret', 'ssf_poll_token']) {
      const from =
        step.fields.includes(field) || (field === 'secret' && step.do === 'create')
          ? step.item[field]
          : undefined;
      if (from !== undefined && SecretValues.isElsewhere(from)) await check(from);
    }
  }
  async function check(from: Parameters<typeof SecretValues.isElsewhere>[0]): Promise<void> {
    await secrets.valueOf(from).catch((error: unknown) => {
      throw new CommandFailure(EXIT.usage, error instanceof Error ? error.message : String(error));
    });
  }
}

/** @throws {CommandFailure} unless a person says yes */
async function confirm({ terminal }: CommandContext): Promise<void> {
  const said = await terminal.ask('Do this? Only yes is taken for it: ');
  if (said?.trim() === 'yes') return;
  if (said !== null) throw new CommandFailure(EXIT.wrong, 'nothing was done');
  throw new CommandFailure(EXIT.usage, 'nobody can be asked here', '--yes does it without asking');
}

function printApplied(
  { terminal }: CommandContext,
  plans: readonly Plan[],
  done: number,
  secrets: readonly DrawnSecret[],
): Promise<void> {
  const document = { zones: plans.map(planJson), steps_done: done, secrets };
  return terminal.print(`${JSON.stringify(document, null, 2)}\n`);
}

function secretLine({ zone, noun, name, id, secret }: DrawnSecret): string {
  return `secret of ${noun} ${name} in zone ${zone} (shown this once): id ${id}, secret ${secret}\n`;
}
