import { QueryFailedError } from 'typeorm';
import { expect, test } from 'vitest';
import { asConflict, violatedConstraint } from './violated-constraint.js';

const refused = (constraint: string): QueryFailedError =>
  new QueryFailedError('', [], Object.assign(new Error(), { code: '23505', constraint }));

test.each(['zones_name_key', 'zones_name_key_102834', 'zones_name_key_1028340001'])(
  'the name of a constraint is that of the schema, also of %s on a shard',
  (constraint) => {
    expect(violatedConstraint(refused(constraint))).toBe('zones_name_key');
    expect(asConflict(refused(constraint), false)).toMatchObject({
      response: { errors: [{ field: 'name', code: 'taken' }] },
    });
  },
);

test('a constraint that another node told of is found in what it said', () => {
  const message =
    'insert or update on table "clients_102001" violates foreign key constraint "operators_name_key_102477"';
  const told = new QueryFailedError('', [], Object.assign(new Error(message), { code: '23505' }));
  expect(violatedConstraint(told)).toBe('operators_name_key');
  expect(asConflict(told, false)).toMatchObject({ response: { errors: [{ field: 'name' }] } });
});

test('what was refused for something else has none', () => {
  expect(violatedConstraint(new Error('zones_name_key'))).toBe(null);
  expect(violatedConstraint(new QueryFailedError('', [], new Error('gone')))).toBe(null);
});
