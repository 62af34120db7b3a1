import type { Noun } from './noun.js';

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
