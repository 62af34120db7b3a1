import type { Noun } from './noun.js';

export const scopes: Noun = {
  name: 'scopes',
  one: 'scope',
  what: 'Scopes of a zone in words, and whether they can be granted; which there are is said by its resources.',
  inZone: true,
  calledBy: 'name',
  columns: [
    { member: 'name' },
    { member: 'id', whole: true },
    { member: 'description' },
    { member: 'active' },
    { member: 'is_system', title: 'system' },
  ],
  fields: [
    {
      flags: '--description <text>',
      member: 'description',
      kind: 'text',
      what: 'what it allows, for people who confirm requests',
    },
    {
      flags: '--claim <name>',
      member: 'claims',
      kind: 'list',
      what: 'a claim of the user that it lets into mandates',
    },
    { flags: '--active', member: 'active', kind: 'flag', what: 'it can be granted' },
  ],
  filters: [
    {
      flags: '--search <text>',
      parameter: 'search',
      what: 'those with this in their name or description',
    },
    {
      flags: '--active <yes>',
      parameter: 'active',
      choices: ['true', 'false'],
      what: 'those that can be granted, or not',
    },
    {
      flags: '--system <yes>',
      parameter: 'is_system',
      choices: ['true', 'false'],
      what: 'those that every zone has, or the others',
    },
  ],
  verbs: { list: true, show: true, create: true, update: true, delete: {} },
  actions: [],
  examples: [
    {
      line: 'create orders:write --zone prod --description "Change your orders"',
      what: 'what it allows, in words',
    },
    {
      line: 'update profile --zone prod --claim name --claim locale',
      what: 'what mandates with it say of a user',
    },
    { line: 'update orders:write --zone prod --no-active', what: 'it is granted no more' },
  ],
};
