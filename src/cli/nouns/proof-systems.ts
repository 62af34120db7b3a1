import type { Noun } from './noun.js';

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
