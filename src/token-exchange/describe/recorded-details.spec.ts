import { expect, test } from 'vitest';
import type { DetailMember } from '../../oauth/authorization-details/detail-type.js';
import { recordedDetails } from './recorded-details.js';

const resource = (identifier: string, ...members: DetailMember[]) => ({
  identifier,
  detailTypes: [{ type: 'payment', members }],
});
const CREDITOR: DetailMember = { name: 'creditor', value: 'string' };
const REFERENCE: DetailMember = { name: 'reference', value: 'string' };
const recorded = (...[details, resources]: Parameters<typeof recordedDetails>): unknown =>
  recordedDetails(details, resources)['authorization_details'];

test('a member that any of the resources declares as private is not recorded', () => {
  const resources = [
    resource('a', CREDITOR, REFERENCE),
    resource('b', CREDITOR, { ...REFERENCE, private: true }),
  ];
  const detail = { type: 'payment', creditor: 'ACME', reference: 'secret' };
  expect(recorded([detail], resources)).toEqual([{ type: 'payment', creditor: 'ACME' }]);
});

test('of a detail that is for another resource nothing is recorded but its type, also where its type is known', () => {
  const here = { type: 'payment', creditor: 'ACME', locations: ['a'] };
  const elsewhere = { type: 'payment', reference: 'secret', locations: ['b'] };
  expect(recorded([here, elsewhere], [resource('a', CREDITOR)])).toEqual([
    here,
    { type: 'payment' },
  ]);
});
