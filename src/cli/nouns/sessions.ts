import { objectOf } from '../api/json.js';
import { confirm, consequencesOf } from '../verbs/delete.js';
import type { Noun } from './noun.js';

export const sessions: Noun = {
  name: 'sessions',
  one: 'session',
  what: 'Authority that is alive: what clients and people have opened, from which mandates follow.',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'subject' },
    { member: 'issuer' },
    { member: 'client_id', whole: true },
    { member: 'created_at' },
    { member: 'expires_at' },
    { member: 'ended_at' },
  ],
  fields: [],
  filters: [
    { flags: '--subject <sub>', parameter: 'subject', what: 'those of one user or client' },
    { flags: '--issuer <issuer>', parameter: 'issuer', what: 'those of users of one issuer' },
    {
      flags: '--client <client>',
      parameter: 'client_id',
      refersTo: 'clients',
      what: 'those that one client opened',
    },
    {
      flags: '--live <yes>',
      parameter: 'live',
      choices: ['true', 'false'],
      what: 'those that are alive, or not',
    },
  ],
  verbs: {
    list: true,
    show: true,
    delete: {
      word: 'end',
      what: 'Ends a session: nothing that hangs on it can be exchanged any more.',
    },
  },
  actions: [
    {
      words: 'end-many',
      what: 'Ends all sessions that are alive and that all of the options name. It says how many, and asks.',
      args: [],
      options: [
        { flags: '--subject <sub>', what: 'of this user or client' },
        { flags: '--issuer <issuer>', what: 'of users of this issuer' },
        {
          flags: '--client <client>',
          what: 'that this client opened, by its name or id',
          of: 'clients',
        },
        { flags: '--before <instant>', what: 'that began before this moment' },
        { flags: '--dry-run', what: 'only say how many' },
        { flags: '-y, --yes', what: 'do not ask' },
      ],
      examples: [
        { line: '--zone prod --client billing --dry-run', what: 'how many billing has' },
        { line: '--zone prod --subject ada --yes', what: 'all of Ada' },
      ],
      async run(context, { options }) {
        const { subject, issuer, client, before, dryRun, yes } = options;
        const path = `${(await context.collection('sessions')).path}/end`;
        const body = {
          ...(typeof subject === 'string' ? { subject } : {}),
          ...(typeof issuer === 'string' ? { issuer } : {}),
          ...(typeof before === 'string' ? { before } : {}),
          ...(typeof client === 'string'
            ? { client_id: await context.idOf('clients', client) }
            : {}),
        };
        if (dryRun === true || yes !== true) {
          const query = { dry_run: 'true' };
          const would = await context.api.request('POST', path, { body, query });
          if (dryRun === true) return context.print(would);
          context.say(consequencesOf(objectOf(would.body)['would'], 'this would'));
          await confirm(context, 'End them?');
        }
        await context.print(await context.api.request('POST', path, { body }));
      },
    },
  ],
  examples: [
    { line: 'list --zone prod', what: 'all of a zone, ended ones too while they are kept' },
    { line: 'end 0192f0c1-0000-7000-8000-00000000000a --zone prod', what: 'one of them' },
  ],
};

export const agentSessions: Noun = {
  name: 'agent-sessions',
  one: 'agent session',
  what: 'Agents at work, and those that they started.',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'client_id', whole: true },
    { member: 'parent_id', whole: true },
    { member: 'created_at' },
    { member: 'expires_at' },
    { member: 'ended_at' },
  ],
  fields: [],
  filters: [
    {
      flags: '--client <client>',
      parameter: 'client_id',
      refersTo: 'clients',
      what: 'those of one application',
    },
    { flags: '--session <id>', parameter: 'session_id', what: 'those opened in one session' },
    {
      flags: '--live <yes>',
      parameter: 'live',
      choices: ['true', 'false'],
      what: 'those that are alive, or not',
    },
  ],
  verbs: {
    list: true,
    show: true,
    delete: {
      word: 'end',
      what: 'Ends an agent session and all that hangs below it.',
    },
  },
  actions: [],
  examples: [{ line: 'list --zone prod', what: 'which agents there are' }],
};

export const delegations: Noun = {
  name: 'delegations',
  one: 'delegation',
  what: 'Authority that one agent session handed to another.',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'id', whole: true },
    { member: 'source_session_id' },
    { member: 'target_session_id' },
    { member: 'scopes' },
    { member: 'expires_at' },
    { member: 'revoked_at' },
  ],
  fields: [],
  filters: [
    {
      flags: '--client <client>',
      parameter: 'client_id',
      refersTo: 'clients',
      what: 'those that one application made or was given',
    },
    {
      flags: '--agent-session <id>',
      parameter: 'agent_session_id',
      what: 'those from or to one agent session',
    },
    {
      flags: '--live <yes>',
      parameter: 'live',
      choices: ['true', 'false'],
      what: 'those that are alive, or not',
    },
  ],
  verbs: {
    list: true,
    show: true,
    delete: {
      word: 'revoke',
      what: 'Revokes a delegation, with all that it was handed on as.',
    },
  },
  actions: [],
  examples: [{ line: 'list --zone prod', what: 'what was handed on' }],
};
