import { hintAtSecrets } from '../verbs/create.js';
import type { Given, Noun } from './noun.js';

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
