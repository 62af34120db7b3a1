import { objectOf, textOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { plain } from '../print/cells.js';
import { confirm } from '../verbs/delete.js';
import type { Action, Given, Noun } from './noun.js';

/** Decides on an approval, after saying what it is about. */
async function decide(
  context: CommandContext,
  { args: [id = ''], options }: Given,
  decision: 'approve' | 'reject',
): Promise<void> {
  const path = await context.pathOf('approvals', id);
  if (options['yes'] !== true) {
    const approval = objectOf((await context.api.get(path)).body);
    context.say(plain(`${textOf(approval, 'asked_by')}: ${textOf(approval, 'summary')}`));
    await confirm(context, decision === 'approve' ? 'Approve that?' : 'Reject that?');
  }
  const body = { reason: String(options['reason']) };
  await context.print(await context.api.request('POST', `${path}/${decision}`, { body }));
}

function deciding(words: string, what: string, run: Action['run']): Action {
  return {
    words,
    what,
    args: [{ name: 'approval', what: 'its id' }],
    options: [
      { flags: '--reason <text>', what: 'why, for the audit log', required: true },
      { flags: '-y, --yes', what: 'do not ask' },
    ],
    examples: [
      {
        line: '0192f0c1-0000-7000-8000-00000000000a --reason "as we agreed"',
        what: 'one of them',
      },
    ],
    run,
  };
}

export const approvals: Noun = {
  name: 'approvals',
  one: 'approval',
  what: 'What waits for a second operator, and what was done in an emergency and is to be looked at.',
  inZone: false,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'kind' },
    { member: 'state' },
    { member: 'summary' },
    { member: 'asked_by' },
    { member: 'expires_at' },
  ],
  fields: [],
  filters: [
    {
      flags: '--state <state>',
      parameter: 'state',
      choices: ['open', 'approved', 'rejected', 'expired', 'used', 'not_reviewed'],
      what: 'those in this state',
    },
    {
      flags: '--kind <kind>',
      parameter: 'kind',
      choices: ['request', 'review'],
      what: 'what waits, or what was done already',
    },
    {
      flags: '--about-zone <zone>',
      parameter: 'zone',
      refersTo: 'zones',
      what: 'those about one zone, by name or id',
    },
  ],
  verbs: { list: true, show: true },
  actions: [
    deciding(
      'approve',
      'Approves it, as a second person: whoever asked for it asks again then. Of what was done already: says that it was right.',
      (context, given) => decide(context, given, 'approve'),
    ),
    deciding('reject', 'Rejects it; who asked for it withdraws it so.', (context, given) =>
      decide(context, given, 'reject'),
    ),
  ],
  examples: [
    { line: 'list --state open', what: 'what waits for somebody' },
    {
      line: 'approve 0192f0c1-0000-7000-8000-00000000000a --reason "as we agreed"',
      what: 'one of them',
    },
  ],
};

export const settings: Noun = {
  name: 'settings',
  one: 'settings',
  what: 'What is set for the whole installation.',
  inZone: false,
  calledBy: null,
  columns: [],
  fields: [],
  filters: [],
  verbs: {},
  actions: [
    {
      words: 'show',
      what: 'Shows what is set.',
      args: [],
      examples: [{ line: '', what: 'is the two-person rule on?' }],
      run: async (context) => context.print(await context.api.get('settings')),
    },
    {
      words: 'update',
      what: 'Changes what is set.',
      args: [],
      options: [
        {
          flags: '--two-person-rule <yes>',
          what: 'whether a second operator has to approve that a zone is deleted or a policy activated',
          choices: ['true', 'false'],
          required: true,
        },
      ],
      examples: [{ line: '--two-person-rule true', what: 'nobody deletes a zone alone' }],
      async run(context, { options }) {
        const { etag } = await context.api.get('settings');
        const body = { two_person_rule: options['twoPersonRule'] === 'true' };
        const condition = etag === null ? {} : { ifMatch: etag };
        await context.print(await context.api.request('PATCH', 'settings', { body, ...condition }));
      },
    },
  ],
  examples: [{ line: 'show', what: 'what is set' }],
};
