import { advise } from './advise-action.js';
import type { Noun } from './noun.js';
import { activationActions } from './activation-actions.js';
import { versions } from './policy-set-versions.js';
import { shadowActions } from './shadow-actions.js';
import { replayActions } from './replay-actions.js';

export const policySets: Noun = {
  name: 'policy-sets',
  one: 'policy set',
  what: 'Policies put together, of which one version decides in a zone.',
  inZone: true,
  calledBy: 'name',
  columns: [{ member: 'name' }, { member: 'id', whole: true }, { member: 'created_at' }],
  fields: [
    { flags: '--name <name>', member: 'name', kind: 'text', only: 'update', what: 'another name' },
  ],
  filters: [
    { flags: '--search <text>', parameter: 'search', what: 'those with this in their name' },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  parts: {
    shadow: 'A version that is tried on live requests, beside the one that decides.',
    replay: 'Recorded decisions of the last days, made again by a version of a set.',
  },
  actions: [...versions, ...activationActions, ...shadowActions, ...replayActions, advise],
  examples: [
    { line: 'create main --zone prod', what: 'a set' },
    { line: 'versions add main --zone prod --policy orders', what: 'what is in it' },
    { line: 'activate main --zone prod', what: 'it decides from now on' },
  ],
};
