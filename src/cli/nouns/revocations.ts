import type { JsonValue } from '../../oauth/strict-json.js';
import { objectOf, textOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { cellOf } from '../print/cells.js';
import { confirm, consequencesOf } from '../verbs/delete.js';
import type { ActionOption, Given, Noun } from './noun.js';

/** Options that name what is taken back: the member of the target, and the noun whose names are given for ids. */
const TARGETS: readonly (ActionOption & {
  readonly attribute: string;
  readonly member: string;
})[] = [
  {
    flags: '--jti <id>',
    attribute: 'jti',
    member: 'jti',
    what: 'one mandate, and those that were exchanged from it',
  },
  {
    flags: '--session <id>',
    attribute: 'session',
    member: 'session_id',
    what: 'a session, with what hangs on it',
  },
  {
    flags: '--root-session <id>',
    attribute: 'rootSession',
    member: 'root_session_id',
    what: 'a session, with those that descend from it',
  },
  {
    flags: '--agent-session <id>',
    attribute: 'agentSession',
    member: 'agent_session_id',
    what: 'an agent session, with those below it',
  },
  {
    flags: '--delegation <id>',
    attribute: 'delegation',
    member: 'delegation_edge_id',
    what: 'a delegation, with what it was handed on as',
  },
  {
    flags: '--client <client>',
    attribute: 'client',
    member: 'client_id',
    of: 'clients',
    what: 'all that a client was issued, by its name or id',
  },
  {
    flags: '--subject <sub>',
    attribute: 'subject',
    member: 'subject',
    what: 'all that was issued about a user (with --issuer, of that issuer)',
  },
  {
    flags: '--resource <identifier>',
    attribute: 'resource',
    member: 'resource',
    what: 'all that was issued for a resource',
  },
  {
    flags: '--issuer <issuer>',
    attribute: 'issuer',
    member: 'issuer',
    what: 'all that was issued about users of a trusted issuer',
  },
  {
    flags: '--policy-set-version <id>',
    attribute: 'policySetVersion',
    member: 'policy_set_version_id',
    what: 'all that a version of a policy set has allowed',
  },
  {
    flags: '--kid <kid>',
    attribute: 'kid',
    member: 'kid',
    what: 'all that a key has signed: it is withdrawn',
  },
  {
    flags: '--whole-zone',
    attribute: 'wholeZone',
    member: 'zone',
    what: 'all that the zone has issued',
  },
];

async function targetOf(context: CommandContext, { options }: Given): Promise<JsonValue> {
  const { subject, issuer } = options;
  if (typeof subject === 'string' && typeof issuer === 'string') {
    return { subject: { sub: subject, iss: issuer } };
  }
  const given = TARGETS.filter(({ attribute }) => options[attribute] !== undefined);
  const [one, ...others] = given;
  if (one === undefined || others.length > 0) {
    throw new CommandFailure(
      EXIT.usage,
      'exactly one thing is taken back',
      TARGETS.map(({ flags }) => flags).join(', '),
    );
  }
  const value = options[one.attribute];
  if (one.member === 'subject') return { subject: { sub: String(value) } };
  if (value === true) return { [one.member]: true };
  const text = String(value);
  return { [one.member]: one.of === undefined ? text : await context.idOf(one.of, text) };
}

async function order(context: CommandContext, given: Given): Promise<void> {
  const { dryRun, yes, wait, reason, reasonCode } = given.options;
  const { path } = await context.collection('revocations');
  const body = {
    target: await targetOf(context, given),
    reason: String(reason),
    ...(typeof reasonCode === 'string' ? { reason_code: reasonCode } : {}),
  };
  if (dryRun === true || yes !== true) {
    const would = await context.api.request('POST', path, { body, query: { dry_run: 'true' } });
    if (dryRun === true) return context.print(would);
    context.say(consequencesOf(objectOf(would.body)['affects'], 'it hits'));
    await confirm(context, 'Take that back? It cannot be undone.');
  }
  const answer = await context.api.request('POST', path, { body });
  if (wait !== true) return context.print(answer);
  const id = textOf(objectOf(answer.body), 'id');
  await context.print(await told(context, `${path}/${id}`));
}

/** Waits until an order has been told on all channels on which somebody is told, saying how far that is. */
async function told(context: CommandContext, path: string) {
  const WAITED_FOR = ['feed', 'ssf', 'webhooks'];
  let said = '';
  for (;;) {
    const answer = await context.api.get(path);
    const channels = objectOf(objectOf(answer.body)['channels']);
    const waiting = WAITED_FOR.filter((channel) => objectOf(channels[channel])['told'] !== true);
    if (waiting.length === 0) return answer;
    const now = `still to be told: ${cellOf(waiting)}`;
    if (now !== said) context.say(now);
    said = now;
    await context.pause(1);
  }
}

export const revocations: Noun = {
  name: 'revocations',
  one: 'revocation',
  what: 'Orders that take back what was issued; they are kept, and never undone.',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'target' },
    { member: 'reason' },
    { member: 'actor' },
    { member: 'at' },
  ],
  fields: [],
  filters: [
    { flags: '--target <json>', parameter: 'target', what: 'those of one target, as in an order' },
  ],
  verbs: { list: true, show: true },
  actions: [
    {
      words: 'order',
      what: 'Takes back exactly one of what the options name. It says what that hits, and asks.',
      args: [],
      options: [
        ...TARGETS,
        { flags: '--reason <text>', what: 'why, for people', required: true },
        { flags: '--reason-code <word>', what: 'why, for programs' },
        { flags: '--dry-run', what: 'only say what it would hit' },
        { flags: '-y, --yes', what: 'do not ask' },
        { flags: '--wait', what: 'until all who are told have been told' },
      ],
      examples: [
        {
          line: '--zone prod --client billing --reason "its secret leaked" --dry-run',
          what: 'what that would hit',
        },
        {
          line: '--zone prod --jti 0192f0c1-0000-7000-8000-00000000000a --reason "wrong amount" --yes',
          what: 'one mandate',
        },
      ],
      run: order,
    },
  ],
  examples: [
    {
      line: 'order --zone prod --client billing --reason "its secret leaked"',
      what: 'all that a client has',
    },
    { line: 'list --zone prod', what: 'all orders' },
    {
      line: 'show 0192f0c1-0000-7000-8000-00000000000a --zone prod',
      what: 'who has been told of one',
    },
  ],
};
