import { objectOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { followReplay, runReplay } from '../replay/follow-replay.js';
import { replayText } from '../replay/print-replay.js';
import type { Action } from './noun.js';
import { SET, setVersionOf, VERSION } from './policy-set-versions.js';

const REPLAY = { name: 'replay', what: 'its id' } as const;

const COLUMNS = [
  { member: 'id', whole: true },
  { member: 'state' },
  { member: 'created_at' },
  { member: 'progress.percent', title: '%' },
  { member: 'progress.decisions', title: 'decisions' },
  { member: 'changed' },
] as const;

/** What can be done to try a version of a policy set on recorded decisions. */
export const replayActions: readonly Action[] = [
  {
    words: 'replay run',
    what: 'Makes the recorded decisions of the last days again by a version of a set, and tells which would be other ones.',
    args: [SET],
    options: [
      VERSION,
      { flags: '--days <n>', what: 'how many days back; 7 if it is not said' },
      { flags: '--max-decisions <n>', what: 'how many decisions at most, the newest first' },
      { flags: '--no-wait', what: 'do not wait until it is over' },
    ],
    examples: [
      { line: 'main --zone prod --days 14', what: 'before the latest version is activated' },
      { line: 'main --zone prod --version-id 2 --json', what: 'the same for programs' },
    ],
    async run(context, { args: [name], options }) {
      const zone = await context.zone();
      const body = {
        policy_set_version_id: await setVersionOf(context, name, options['versionId']),
        ...numbers(options),
      };
      if (options['wait'] === false) {
        const path = `zones/${zone}/policy-replays`;
        return context.print(await context.api.request('POST', path, { body }));
      }
      await tell(context, await runReplay(context, zone, body));
    },
  },
  {
    words: 'replay list',
    what: 'Lists replays of a zone, the oldest first.',
    args: [],
    examples: [{ line: '--zone prod', what: 'what was tried' }],
    run: async (context) =>
      context.printList(`zones/${await context.zone()}/policy-replays`, COLUMNS),
  },
  {
    words: 'replay show',
    what: 'Tells what a replay has found. With --wait once it is over.',
    args: [REPLAY],
    options: [{ flags: '--wait', what: 'until it is over' }],
    examples: [
      { line: '0192f0c1-0000-7000-8000-00000000000a --zone prod --wait', what: 'the result' },
    ],
    async run(context, { args: [id = ''], options }) {
      const zone = await context.zone();
      const path = `zones/${zone}/policy-replays/${encodeURIComponent(id)}`;
      const replay =
        options['wait'] === true
          ? await followReplay(context, zone, id)
          : objectOf((await context.api.get(path)).body);
      await tell(context, replay);
    },
  },
  {
    words: 'replay cancel',
    what: 'Cancels a replay that is under way. What it has found so far stays.',
    args: [REPLAY],
    examples: [{ line: '0192f0c1-0000-7000-8000-00000000000a --zone prod', what: 'enough' }],
    run: async (context, { args: [id = ''] }) =>
      context.print(
        await context.api.request(
          'POST',
          `zones/${await context.zone()}/policy-replays/${encodeURIComponent(id)}/cancel`,
        ),
      ),
  },
];

/** Prints what a replay has found. @throws {CommandFailure} for one that failed */
async function tell(context: CommandContext, replay: ReturnType<typeof objectOf>): Promise<void> {
  if (context.json) await context.print({ body: replay });
  else await context.terminal.print(replayText(replay, context.terminal.width));
  if (replay['state'] === 'failed') {
    throw new CommandFailure(EXIT.wrong, 'the decisions could not be made again');
  }
}

function numbers({ days, maxDecisions }: Readonly<Record<string, unknown>>) {
  return {
    ...(days === undefined ? {} : { days: numberOf('--days', days) }),
    ...(maxDecisions === undefined
      ? {}
      : { max_decisions: numberOf('--max-decisions', maxDecisions) }),
  };
}

/** A number that an option says. @throws {CommandFailure} for what is none */
export function numberOf(option: string, said: unknown): number {
  if (typeof said === 'string' && /^[0-9]{1,9}$/.test(said)) return Number(said);
  throw new CommandFailure(EXIT.usage, `${option} is no whole number`);
}
