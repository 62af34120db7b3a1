import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isProblem, parseDetails, type AuthorizationDetail } from './detail.js';
import { problemOfTypes, type DetailType } from './detail-type.js';
import { grantDetails, isFor, type DetailTarget } from './grant.js';

const PAYMENT: DetailType = {
  type: 'payment',
  display: 'Pay {amount.value} {amount.currency} to {creditor}',
  scope: 'payments:send',
  members: [
    {
      name: 'amount',
      value: 'object',
      required: true,
      members: [
        { name: 'value', value: 'decimal', required: true, narrows: 'at_most' },
        { name: 'currency', value: 'string', required: true, one_of: ['EUR', 'USD'] },
      ],
    },
    { name: 'creditor', value: 'string', required: true, max_length: 20 },
    { name: 'actions', value: 'strings' },
    { name: 'priority', value: 'number', narrows: 'at_least' },
    { name: 'instant', value: 'boolean' },
    { name: 'tags', value: 'strings' },
  ],
};
const LEDGER: DetailTarget = { identifier: 'https://ledger.example', detailTypes: [PAYMENT] };
const ORDERS: DetailTarget = { identifier: 'https://orders.example', detailTypes: [] };
const BANK: DetailTarget = { identifier: 'https://bank.example', detailTypes: [PAYMENT] };

const pay = (more: Record<string, unknown> = {}): AuthorizationDetail => {
  const detail = { type: 'payment', amount: { value: '45.00', currency: 'EUR' }, creditor: 'ACME' };
  const [read] = parsed([{ ...detail, ...more }]);
  if (read === undefined) throw new Error('no detail');
  return read;
};

function parsed(details: readonly unknown[]): readonly AuthorizationDetail[] {
  const read = parseDetails(JSON.stringify(details));
  if (isProblem(read)) throw new Error(read.problem);
  return read;
}

const grant = (
  asked: readonly AuthorizationDetail[],
  presented: readonly AuthorizationDetail[] = [],
  targets: readonly DetailTarget[] = [LEDGER],
  scope: readonly string[] = ['payments:send'],
) => {
  const granted = grantDetails({ asked, presented, targets, scope });
  return isProblem(granted) ? granted.problem : granted;
};

describe('what a request names', () => {
  test('is granted where a resource declares the type', () => {
    expect(grant([pay()])).toEqual([pay()]);
    expect(grant([pay()], [], [ORDERS, LEDGER])).toEqual([pay()]);
  });

  test.each<[string, AuthorizationDetail, string]>([
    ['an unknown type', { type: 'transfer' }, 'a type is unknown to the resources'],
    ['a member more', pay({ note: 'x' }), 'payment: note is not declared'],
    [
      'a member of which the name is a story',
      pay({ 'approved by': 'x' }),
      'payment: (a member) is not declared',
    ],
    ['a member less', { type: 'payment', creditor: 'x' }, 'payment: amount is missing'],
    [
      'a member less within',
      pay({ amount: { value: '1' } }),
      'payment: amount.currency is missing',
    ],
    [
      'a number for a decimal',
      pay({ amount: { value: 45, currency: 'EUR' } }),
      'payment: amount.value is not a decimal number in a text',
    ],
    [
      'a decimal of too many digits',
      pay({ amount: { value: '1234567890123456', currency: 'EUR' } }),
      'payment: amount.value is not a decimal number in a text',
    ],
    ['a text for an object', pay({ amount: '45' }), 'payment: amount is not an object'],
    ['an array for an object', pay({ amount: ['45'] }), 'payment: amount is not an object'],
    ['null', pay({ creditor: null }), 'payment: creditor is not a text'],
    ['an empty text', pay({ creditor: '' }), 'payment: creditor is not a text'],
    ['a text that is too long', pay({ creditor: 'x'.repeat(21) }), 'payment: creditor is too long'],
    [
      'a value that is none of those',
      pay({ amount: { value: '1', currency: 'GBP' } }),
      'payment: amount.currency has a value that is not allowed',
    ],
    [
      'a number that is not exact',
      pay({ priority: 2 ** 60 }),
      'payment: priority is not a number that can be told exactly',
    ],
    ['a text for a boolean', pay({ instant: 'true' }), 'payment: instant is not true or false'],
    ['a text for a list', pay({ tags: 'x' }), 'payment: tags is not a list of texts, each once'],
    ['a text twice', pay({ tags: ['x', 'x'] }), 'payment: tags is not a list of texts, each once'],
    [
      'another resource',
      pay({ locations: [BANK.identifier] }),
      'payment: locations has a resource that is not asked for, or does not know the type',
    ],
    [
      'a resource that does not know it',
      pay({ locations: [ORDERS.identifier] }),
      'payment: locations has a resource that is not asked for, or does not know the type',
    ],
  ])('is refused with %s', (_what, detail, problem) => {
    expect(grant([detail], [], [LEDGER, ORDERS])).toBe(problem);
  });

  test('is refused without the scope that it goes with', () => {
    expect(grant([pay()], [], [LEDGER], ['payments:read'])).toBe(
      'payment: it goes with the scope payments:send',
    );
  });

  test('has to be right at each resource that declares the type', () => {
    const strict = { ...PAYMENT, members: PAYMENT.members.filter(({ name }) => name !== 'tags') };
    const other = { ...BANK, detailTypes: [strict] };
    const tagged = pay({ tags: ['x'] });
    expect(grant([tagged], [], [LEDGER, other])).toBe('payment: tags is not declared');
    const here = pay({ tags: ['x'], locations: [LEDGER.identifier] });
    const there = pay({ locations: [BANK.identifier] });
    expect(grant([here, there], [], [LEDGER, other])).toEqual([here, there]);
  });
});

describe('what the subject token carries', () => {
  test('goes on where the request names nothing, without its scope and where no resource knows it', () => {
    const carried = [pay(), { type: 'unheard-of', secret: 'x' }];
    expect(grant([], carried, [LEDGER], [])).toEqual(carried);
    expect(grant([], carried, [ORDERS], [])).toEqual(carried);
  });

  test('of other types goes on beside what the request names', () => {
    const reading = { type: 'reading', actions: ['read'] };
    expect(grant([pay()], [reading, pay()])).toEqual([pay(), reading]);
  });

  test.each<[string, AuthorizationDetail, AuthorizationDetail]>([
    ['the same', pay(), pay()],
    [
      'the same, written in another order',
      pay({ creditor: 'ACME' }),
      { creditor: 'ACME', amount: { currency: 'EUR', value: '45.00' }, type: 'payment' },
    ],
    ['less money', pay({ amount: { value: '44.99', currency: 'EUR' } }), pay()],
    ['as much money, written otherwise', pay({ amount: { value: '45', currency: 'EUR' } }), pay()],
    ['a higher number that has to be high', pay({ priority: 3 }), pay({ priority: 2 })],
    ['fewer actions', pay({ actions: ['send'] }), pay({ actions: ['prepare', 'send'] })],
    ['one of the places', pay({ locations: [LEDGER.identifier] }), pay()],
  ])('may be narrowed to %s', (_what, asked, carried) => {
    expect(grant([asked], [carried])).toEqual([asked]);
  });

  const MORE = 'payment: more than what the subject_token carries';
  test.each<[string, AuthorizationDetail, AuthorizationDetail]>([
    ['more money', pay({ amount: { value: '45.000000000001', currency: 'EUR' } }), pay()],
    [
      'much more money, of which the text comes first',
      pay({ amount: { value: '1000', currency: 'EUR' } }),
      pay(),
    ],
    ['another currency', pay({ amount: { value: '1', currency: 'USD' } }), pay()],
    ['another creditor', pay({ creditor: 'EVIL' }), pay()],
    ['a lower number that has to be high', pay({ priority: 1 }), pay({ priority: 2 })],
    ['an action more', pay({ actions: ['send', 'cancel'] }), pay({ actions: ['send'] })],
    ['actions where there were none', pay({ actions: ['send'] }), pay()],
    ['no actions where there were some', pay(), pay({ actions: ['send'] })],
    ['no places where there were some', pay(), pay({ locations: [LEDGER.identifier] })],
    ['a list that is not the same', pay({ tags: ['a'] }), pay({ tags: ['a', 'b'] })],
  ])('cannot be widened to %s', (_what, asked, carried) => {
    expect(grant([asked], [carried])).toBe(MORE);
  });

  test('cannot be widened to other types', () => {
    expect(grant([pay()], [{ type: 'reading' }])).toBe(MORE);
  });

  test('cannot be widened to other places', () => {
    const here = pay({ locations: [LEDGER.identifier] });
    expect(grant([pay()], [here], [LEDGER, BANK])).toBe(MORE);
    expect(grant([pay({ locations: [BANK.identifier] })], [here], [LEDGER, BANK])).toBe(MORE);
    const elsewhere =
      'payment: locations leave out a resource that is asked for and knows the type';
    expect(grant([], [here], [BANK])).toBe(elsewhere);
    expect(grant([], [here], [LEDGER, BANK])).toBe(elsewhere);
  });

  test('does not become two', () => {
    expect(grant([pay(), pay()], [pay()])).toBe(MORE);
    expect(grant([pay(), pay()], [pay(), pay()])).toEqual([pay(), pay()]);
  });

  test('is matched so that each finds its place, whatever their order', () => {
    const cheap = pay({ amount: { value: '1', currency: 'EUR' } });
    const dear = pay({ amount: { value: '45', currency: 'EUR' } });
    expect(grant([cheap, dear], [dear, cheap])).toEqual([cheap, dear]);
    expect(grant([dear, cheap], [dear, cheap])).toEqual([dear, cheap]);
  });

  test('is refused where it is not what the resource takes by now', () => {
    expect(grant([], [{ ...pay(), note: 'x' }])).toBe(
      'payment of the subject_token: note is not declared',
    );
  });
});

const members = {
  amount: fc.record({
    value: fc.integer({ min: 8, max: 12 }).map((tenths) => (tenths / 10).toFixed(1)),
    currency: fc.constantFrom('EUR', 'USD'),
  }),
  creditor: fc.constantFrom('ACME', 'EVIL'),
  actions: fc.subarray(['a', 'b'], { minLength: 1 }),
  priority: fc.integer({ min: 0, max: 1 }),
  locations: fc.subarray([LEDGER.identifier, BANK.identifier], { minLength: 1 }),
};
const payment = fc
  .record(members, { requiredKeys: ['amount', 'creditor'] })
  .map((some): AuthorizationDetail => ({ type: 'payment', ...some }));
const someDetails = fc.array(payment, { minLength: 1, maxLength: 3 });
/** A request for one of those that are there, with some members changed. */
const wish = fc.record({
  index: fc.nat(2),
  change: fc.oneof(fc.constant({}), fc.record(members, { requiredKeys: [] })),
});
const step = fc.record({
  wishes: fc.array(wish, { maxLength: 3 }),
  targets: fc.subarray([LEDGER, BANK, ORDERS], { minLength: 1 }),
});

/** What one payment allows, told without the code that narrows: amounts in tenths. */
function allows(detail: AuthorizationDetail, most: AuthorizationDetail, place: string): boolean {
  const [{ amount, creditor, actions, priority, locations }, asked] = [
    JSON.parse(JSON.stringify(detail)),
    JSON.parse(JSON.stringify(most)),
  ];
  return (
    (locations === undefined || locations.includes(place)) &&
    amount.currency === asked.amount.currency &&
    Number(asked.amount.value) <= Number(amount.value) &&
    creditor === asked.creditor &&
    (actions === undefined) === (asked.actions === undefined) &&
    (asked.actions ?? []).every((one: string) => actions.includes(one)) &&
    (priority === undefined) === (asked.priority === undefined) &&
    (priority === undefined || asked.priority >= priority)
  );
}

test('over a chain of any requests, no payment is possible that was not at its beginning', () => {
  let narrowed = 0;
  fc.assert(
    fc.property(someDetails, fc.array(step, { minLength: 1, maxLength: 4 }), (first, steps) => {
      let carried: readonly AuthorizationDetail[] = first;
      for (const { wishes, targets } of steps) {
        const there = carried;
        const asked = wishes.flatMap(({ index, change }): AuthorizationDetail[] => {
          const detail = there[index % there.length];
          return detail === undefined ? [] : [{ ...detail, ...change }];
        });
        const next = grant(asked, carried, targets);
        if (typeof next === 'string') continue;
        if (asked.length > 0) narrowed += 1;
        carried = next;
        for (const { identifier } of targets.filter(({ detailTypes }) => detailTypes.length > 0)) {
          expect(carried.some((detail) => isFor(detail, identifier))).toBe(true);
        }
      }
      // As much as each that is carried allows in the end.
      for (const most of carried) {
        for (const { identifier } of [LEDGER, BANK].filter((place) =>
          isFor(most, place.identifier),
        )) {
          const possible = (details: readonly AuthorizationDetail[]) =>
            details.filter((detail) => allows(detail, most, identifier)).length;
          expect(possible(carried)).toBeLessThanOrEqual(possible(first));
        }
      }
    }),
    { numRuns: 1_000 },
  );
  expect(narrowed).toBeGreaterThan(50);
});

test.each<[string, Partial<DetailType>, string]>([
  ['a scope of no resource', { scope: 'x' }, 'payment: x is no scope of the resource'],
  [
    'a member twice',
    {
      members: [
        { name: 'a', value: 'string' },
        { name: 'a', value: 'string' },
      ],
    },
    'payment: a is there twice',
  ],
  [
    'a member that every detail has',
    { members: [{ name: 'type', value: 'string' }] },
    'payment: type: every detail may have it',
  ],
  [
    'actions that are no list',
    { members: [{ name: 'actions', value: 'string' }] },
    'payment: actions: it is strings (RFC 9396 2.2)',
  ],
  [
    'a text that may be less',
    { members: [{ name: 'a', value: 'string', narrows: 'at_most' }] },
    'payment: a: string does not narrow by at_most',
  ],
  [
    'an object without members',
    { members: [{ name: 'a', value: 'object' }] },
    'payment: a: an object has members, and no other',
  ],
  [
    'allowed texts of a number',
    { members: [{ name: 'a', value: 'number', one_of: ['1'] }] },
    'payment: a: one_of and max_length are of texts',
  ],
  [
    'a brace that stays open',
    { display: 'Pay {amount.value' },
    'payment: display: braces enclose the path of a member each',
  ],
  [
    'a brace that was not open',
    { display: 'Pay }' },
    'payment: display: braces enclose the path of a member each',
  ],
  [
    'words about what is not there',
    { display: 'Pay {amounts}' },
    'payment: display: {amounts} leads to no value',
  ],
  [
    'words about an object',
    { display: 'Pay {amount}' },
    'payment: display: {amount} leads to no value',
  ],
])('a declaration is refused for %s', (_what, change, problem) => {
  expect(problemOfTypes([{ ...PAYMENT, ...change }], ['payments:send'])).toBe(problem);
});

test('a declaration is refused if it is nested too deep, too large, or there twice', () => {
  const nested = (levels: number): DetailType['members'] => [
    levels === 1
      ? { name: 'a', value: 'string' }
      : { name: 'a', value: 'object', members: nested(levels - 1) },
  ];
  const problem = (declared: DetailType['members']) =>
    problemOfTypes([{ type: 't', members: declared }], []);
  expect(problem(nested(4))).toBeNull();
  expect(problem(nested(5))).toContain('nested beyond 4 levels');
  const many = Array.from({ length: 60 }, (_, n) => ({ name: `m${n}`, value: 'string' }) as const);
  expect(problem(many)).toBeNull();
  expect(problem([{ name: 'o', value: 'object', members: many }, ...many])).toContain(
    'more than 100',
  );
  expect(problemOfTypes([PAYMENT, PAYMENT], ['payments:send'])).toBe('payment is declared twice');
});

test.each([
  ['{}', 'not an array'],
  ['"[]"', 'not an array'],
  ['[]', 'empty'],
  ['[{}]', 'a detail is not an object with a type'],
  ['[{"type":""}]', 'a detail is not an object with a type'],
  ['[{"type":7}]', 'a detail is not an object with a type'],
  ['[{"type":"a b"}]', 'a detail is not an object with a type'],
  [`[{"type":"${'t'.repeat(101)}"}]`, 'a detail is not an object with a type'],
  ['[[]]', 'a detail is not an object with a type'],
  ['[{"type":"a","actions":"x"}]', 'actions is not a list of texts'],
  ['[{"type":"a","locations":[]}]', 'locations is not a list of texts'],
  ['[{"type":"a","privileges":[7]}]', 'privileges is not a list of texts'],
  ['[{"type":"a","identifier":7}]', 'identifier is not a text'],
  ['[{"type":"a","type":"b"}]', 'not JSON, or JSON that is ambiguous'],
  ['[{"type":"a"}', 'not JSON, or JSON that is ambiguous'],
  ['[{"type":"a","x":"\\u0000"}]', 'not JSON, or JSON that is ambiguous'],
  ['[{"type":"a","x":"\\ud800"}]', 'not JSON, or JSON that is ambiguous'],
  ['[{"type":"a","__proto__":{}}]', 'not JSON, or JSON that is ambiguous'],
  ['[{"type":"a","x":1e999}]', 'not JSON, or JSON that is ambiguous'],
  [JSON.stringify(Array.from({ length: 11 }, () => ({ type: 'a' }))), 'more than 10 details'],
  [`[{"type":"a","x":${'['.repeat(7)}${']'.repeat(7)}}]`, 'nested too deep'],
  [`[{"type":"a","x":"${'x'.repeat(4_096)}"}]`, 'more than 4096 bytes'],
  [`[${' '.repeat(8_192)}]`, 'too long'],
])('the parameter %s is refused', (text, problem) => {
  expect(parseDetails(text)).toEqual({ problem });
});
