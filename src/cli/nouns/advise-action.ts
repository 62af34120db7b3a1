import { isObject, objectOf, textOf } from '../api/json.js';
import { runAnalysis, readAnalysis } from '../advice/follow-analysis.js';
import { adviceText, provenText } from '../advice/print-advice.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { runReplay } from '../replay/follow-replay.js';
import { checkNew, writeNewFiles } from '../zone-file/write-new-file.js';
import type { Action } from './noun.js';
import { numberOf } from './replay-actions.js';

/** The most decisions of a replay. */
const MOST_DECISIONS = 1_000_000;

/** Advice what could be taken away, by what was used in the last days. */
export const advise: Action = {
  words: 'advise',
  what: 'Finds what of a zone nobody used in the last days, and a policy that forbids it, which is tried on what was decided. Nothing is changed.',
  args: [],
  options: [
    { flags: '--days <n>', what: 'how many days back; 30 if it is not said' },
    { flags: '--no-replay', what: 'do not try the policy' },
    { flags: '--out <file>', what: 'a new file for the text of the policy' },
  ],
  examples: [
    { line: '--zone prod', what: 'what could be taken away' },
    { line: '--zone prod --days 90 --json', what: 'with the requests that do it' },
  ],
  async run(context, { options }) {
    const zone = await context.zone();
    const { days: said, out } = options;
    if (typeof out === 'string') checkNew(out);
    const body = said === undefined ? {} : { days: numberOf('--days', said) };
    let analysis = await runAnalysis(context, zone, body);
    if (!context.json) await context.terminal.print(adviceText(analysis, context.terminal.width));
    const policy = objectOf(analysis['advice'] ?? {})['policy'];
    if (isObject(policy) && typeof out === 'string') {
      writeNewFiles([{ path: out, content: textOf(policy, 'content') }]);
    }
    if (isObject(policy) && options['replay'] !== false) {
      await runReplay(context, zone, {
        ...objectOf(policy['candidate']),
        days: analysis['days'] ?? 1,
        max_decisions: MOST_DECISIONS,
      });
      analysis = await readAnalysis(context, zone, textOf(analysis, 'id'));
      if (!context.json) {
        await context.terminal.print(provenText(objectOf(analysis['advice'] ?? {})));
      }
    }
    if (context.json) await context.print({ body: analysis });
    if (textOf(analysis, 'state') === 'failed') {
      throw new CommandFailure(EXIT.wrong, 'what is used could not be found');
    }
  },
};
