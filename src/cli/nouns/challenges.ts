import type { CommandContext } from '../context.js';
import { objectOf, textOf } from '../api/json.js';
import { plain } from '../print/cells.js';
import { confirm } from '../verbs/delete.js';
import type { Action, Given, Noun } from './noun.js';

/** Decides on a challenge, and on nothing else than what was looked at. */
async function decide(
  context: CommandContext,
  { args: [id = ''], options }: Given,
  decision: 'approved' | 'rejected',
) {
  const path = await context.pathOf('challenges', id);
  const challenge = objectOf((await context.api.get(path)).body);
  if (options['yes'] !== true) {
    context.say(plain(textOf(challenge, 'summary')));
    await confirm(context, decision === 'approved' ? 'Approve that?' : 'Reject that?');
  }
  const binding = textOf(challenge, 'binding');
  const body = {
    decision,
    reason: String(options['reason']),
    ...(binding === '' ? {} : { binding }),
  };
  await context.print(await context.api.request('POST', `${path}/decision`, { body }));
}

function deciding(words: string, what: string, run: Action['run']): Action {
  return {
    words,
    what: `${what} a challenge. It says what is asked for, and asks; that is final.`,
    args: [{ name: 'challenge', what: 'its id' }],
    options: [
      { flags: '--reason <text>', what: 'why, for the audit log', required: true },
      { flags: '-y, --yes', what: 'do not ask' },
    ],
    examples: [
      {
        line: '0192f0c1-0000-7000-8000-00000000000a --zone prod --reason "I know this payment"',
        what: 'one of them',
      },
    ],
    run,
  };
}

export const challenges: Noun = {
  name: 'challenges',
  one: 'challenge',
  what: 'Requests that wait until somebody confirms them.',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'type' },
    { member: 'state' },
    { member: 'summary' },
    { member: 'expires_at' },
  ],
  fields: [],
  filters: [
    {
      flags: '--state <state>',
      parameter: 'state',
      choices: ['pending', 'approved', 'rejected', 'expired', 'consumed'],
      what: 'those in this state',
    },
  ],
  verbs: { list: true, show: true },
  actions: [
    deciding('approve', 'Approves', (context, given) => decide(context, given, 'approved')),
    deciding('deny', 'Rejects', (context, given) => decide(context, given, 'rejected')),
  ],
  examples: [
    { line: 'list --zone prod --state pending', what: 'what waits' },
    {
      line: 'approve 0192f0c1-0000-7000-8000-00000000000a --zone prod --reason "I know this payment"',
      what: 'confirm one',
    },
  ],
};
