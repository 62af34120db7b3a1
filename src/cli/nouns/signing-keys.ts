import { ZONE_ALGS } from '../../oauth/algorithms.js';
import { objectOf } from '../api/json.js';
import { confirm } from '../verbs/delete.js';
import { bodyOf } from '../verbs/said.js';
import type { Field, Noun } from './noun.js';

const SETTINGS: readonly Field[] = [
  {
    flags: '--signing-alg <alg>',
    member: 'signing_alg',
    kind: 'text',
    choices: ZONE_ALGS,
    what: 'what mandates are signed with',
  },
  {
    flags: '--rotation-days <n>',
    member: 'rotation_days',
    kind: 'number',
    what: 'after how many days a key is rotated by itself; 0 for never',
  },
  {
    flags: '--publish-x5c',
    member: 'publish_x5c',
    kind: 'flag',
    what: 'a certificate with each key of the key set',
  },
];

export const signingKeys: Noun = {
  name: 'signing-keys',
  one: 'signing key',
  what: 'What a zone signs with, over the API. (mandate keys works on the database.)',
  inZone: true,
  calledBy: null,
  columns: [
    { member: 'kid', whole: true },
    { member: 'alg' },
    { member: 'state' },
    { member: 'activates_at' },
    { member: 'retires_at' },
    { member: 'compromised_at' },
  ],
  fields: [],
  filters: [],
  verbs: { list: true },
  actions: [
    {
      words: 'rotate',
      what: 'Gives a zone a new signing key. It signs as soon as verifiers can know it.',
      args: [],
      options: [
        { flags: '--alg <alg>', what: 'only the key of this algorithm', choices: ZONE_ALGS },
        {
          flags: '--emergency',
          what: 'a key leaked: what signs or has signed is withdrawn, and all mandates by it with it',
        },
        { flags: '-y, --yes', what: 'do not ask' },
      ],
      examples: [{ line: '--zone prod', what: 'in the ordinary way' }],
      async run(context, { options: { alg, emergency, yes } }) {
        const path = `zones/${await context.zone()}/signing-key/rotate`;
        if (emergency === true && yes !== true) {
          await confirm(
            context,
            'Withdraw the keys of the zone, with all mandates that they have signed?',
          );
        }
        const query = {
          ...(typeof alg === 'string' ? { alg } : {}),
          ...(emergency === true ? { emergency: 'true' } : {}),
        };
        await context.print(await context.api.request('POST', path, { query }));
      },
    },
    {
      words: 'settings',
      what: 'Changes what the signing keys of a zone are like, or shows it if nothing is said.',
      args: [],
      options: [
        ...SETTINGS.map(({ flags, what, choices }) => ({
          flags,
          what,
          ...(choices && { choices }),
        })),
        { flags: '--no-publish-x5c', what: 'or none' },
      ],
      examples: [{ line: '--zone prod --rotation-days 90', what: 'every quarter' }],
      async run(context, { options }) {
        const zone = `zones/${await context.zone()}`;
        const body = await bodyOf(context, SETTINGS, options, null);
        const answer =
          Object.keys(body).length === 0
            ? await context.api.get(`${zone}/signing-keys`)
            : await context.api.request('PATCH', `${zone}/signing-key`, { body });
        const { items: _items, ...settings } = objectOf(answer.body);
        await context.print({ body: settings });
      },
    },
  ],
  examples: [
    { line: 'list --zone prod', what: 'the keys, with the state of each' },
    { line: 'rotate --zone prod', what: 'a new one' },
  ],
};
