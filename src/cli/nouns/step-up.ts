import type { CommandContext } from '../context.js';
import { objectOf, textOf } from '../api/json.js';
import { plain } from '../print/cells.js';
import { hintAtSecrets } from '../verbs/create.js';
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

export const stepUpTypes: Noun = {
  name: 'step-up-types',
  one: 'step-up type',
  what: 'How a zone wants challenges dealt with, by their type.',
  inZone: true,
  calledBy: 'type',
  segment: 'type',
  columns: [
    { member: 'type' },
    { member: 'satisfied_by' },
    { member: 'quorum' },
    { member: 'lifetime_seconds' },
    { member: 'reuse_seconds' },
    { member: 'acr' },
    { member: 'default' },
  ],
  fields: [
    {
      flags: '--lifetime <seconds>',
      member: 'lifetime_seconds',
      kind: 'number',
      what: 'for which a challenge can be decided on',
    },
    {
      flags: '--satisfied-by <method>',
      member: 'satisfied_by',
      kind: 'list',
      what: 'a method by which it can be decided on',
    },
    {
      flags: '--quorum <n>',
      member: 'quorum',
      kind: 'number',
      what: 'how many approvals it takes',
    },
    {
      flags: '--requester-may-satisfy',
      member: 'requester_may_satisfy',
      kind: 'flag',
      what: 'the application that asks may decide',
    },
    {
      flags: '--subject-may-satisfy',
      member: 'subject_may_satisfy',
      kind: 'flag',
      what: 'the subject of the request may decide',
    },
    {
      flags: '--subject-must-satisfy',
      member: 'subject_must_satisfy',
      kind: 'flag',
      what: 'the subject has to be among those who approve',
    },
    {
      flags: '--acr <acr>',
      member: 'acr',
      kind: 'text',
      what: 'the acr of a mandate that is issued on it',
    },
    {
      flags: '--reuse <seconds>',
      member: 'reuse_seconds',
      kind: 'number',
      what: 'for which the session needs no other',
    },
  ],
  filters: [],
  verbs: {
    list: true,
    show: true,
    update: true,
    delete: { word: 'reset', what: 'Goes back to the default terms of a type.' },
  },
  actions: [],
  examples: [
    { line: 'list --zone prod', what: 'the terms of each type' },
    { line: 'update approval --zone prod --quorum 2', what: 'two have to approve' },
    { line: 'reset approval --zone prod', what: 'the default again' },
  ],
};

export const proofSystems: Noun = {
  name: 'proof-systems',
  one: 'proof system',
  what: 'Systems outside that may decide on challenges.',
  inZone: true,
  calledBy: 'name',
  columns: [
    { member: 'name' },
    { member: 'id', whole: true },
    { member: 'types' },
    { member: 'created_at' },
  ],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
    {
      flags: '--type <type>',
      member: 'types',
      kind: 'list',
      what: 'a type of challenge that it may decide on; any if none is said',
    },
  ],
  filters: [],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: [],
  examples: [
    {
      line: 'create fraud-check --zone prod --type approval',
      what: 'its secret is printed this once',
    },
  ],
};

const PERSON = [
  {
    flags: '--subject <sub>',
    what: 'the sub of a user, or the id of a client that a person answers for',
    required: true,
  },
  { flags: '--issuer <issuer>', what: 'the trusted issuer of the name' },
] as const;

function personOf({ options: { subject, issuer } }: Given) {
  return { subject: String(subject), ...(typeof issuer === 'string' ? { issuer } : {}) };
}

export const authenticators: Noun = {
  name: 'authenticators',
  one: 'authenticator',
  what: 'What people confirm with. (authenticators renew works on the database.)',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'kind' },
    { member: 'subject' },
    { member: 'issuer' },
    { member: 'last_used_at' },
    { member: 'created_at' },
  ],
  fields: [],
  filters: [
    { flags: '--subject <sub>', parameter: 'subject', what: 'those of one person' },
    {
      flags: '--key-known <yes>',
      parameter: 'key_known_to_log_readers',
      choices: ['true', 'false'],
      what: 'those whose keys log readers may know',
    },
  ],
  verbs: { list: true, delete: {} },
  actions: [
    {
      words: 'enrol',
      what: 'Makes a link by which a person registers an app or a passkey: good once, shown this once.',
      args: [],
      options: PERSON,
      examples: [{ line: '--zone prod --subject ada', what: 'give the link to Ada' }],
      async run(context, given) {
        const { path } = await context.collection('authenticators');
        const answer = await context.api.request('POST', `${path}/enrolments`, {
          body: personOf(given),
        });
        await context.print(answer);
        context.say('the link is shown this once, and whoever has it can use it');
      },
    },
    {
      words: 'register',
      what: 'Registers an app that makes codes, for a person who sets it up by other means. The key is shown this once.',
      args: [],
      options: PERSON,
      examples: [{ line: '--zone prod --subject ada --json', what: 'with its otpauth_uri' }],
      async run(context, given) {
        const { path } = await context.collection('authenticators');
        const body = { ...personOf(given), kind: 'totp' };
        const answer = await context.api.request('POST', path, { body });
        await context.print(answer);
        hintAtSecrets(context, answer.body);
      },
    },
  ],
  examples: [
    { line: 'list --zone prod --subject ada', what: 'what Ada confirms with' },
    { line: 'delete 0192f0c1-0000-7000-8000-00000000000a --zone prod', what: 'one that was lost' },
  ],
};
