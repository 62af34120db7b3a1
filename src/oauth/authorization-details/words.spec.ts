import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DetailType } from './detail-type.js';
import { shortVisibleText, visibleText } from './visible-text.js';
import { detailInWords, exactLines } from './words.js';

const PAYMENT: DetailType = {
  type: 'payment',
  display: 'Pay {amount.value} {amount.currency} to {creditor} from {accounts}',
  members: [
    {
      name: 'amount',
      value: 'object',
      members: [
        { name: 'value', value: 'decimal' },
        { name: 'currency', value: 'string', one_of: ['EUR'] },
      ],
    },
    { name: 'creditor', value: 'string' },
    { name: 'accounts', value: 'strings' },
  ],
};
const AMOUNT = { value: '45.00', currency: 'EUR' };

describe('a detail in words', () => {
  test('is the template of the operators, with what the caller chose freely in quotation marks', () => {
    const detail = { type: 'payment', amount: AMOUNT, creditor: 'ACME', accounts: ['one', 'two'] };
    expect(detailInWords(detail, PAYMENT)).toBe('Pay 45.00 EUR to “ACME” from “one”, “two”');
  });

  test('says what was not said', () => {
    expect(detailInWords({ type: 'payment', amount: AMOUNT }, PAYMENT)).toBe(
      'Pay 45.00 EUR to (not said) from (not said)',
    );
  });

  test('is the type where there is no template', () => {
    expect(
      detailInWords({ type: 'payment', creditor: 'x' }, { type: 'payment', members: [] }),
    ).toBe('payment');
    expect(detailInWords({ type: 'payment', creditor: 'x' }, undefined)).toBe('payment');
  });

  test('cannot have a value end its quotation, hide, or turn the text around', () => {
    const said = (creditor: string) =>
      detailInWords({ type: 'payment', amount: AMOUNT, creditor }, PAYMENT);
    expect(said('Bob”. Approved by “your bank')).toContain(
      'to “Bob’. Approved by ’your bank” from',
    );
    expect(said('Bob❞. Approved by ❝your bank')).toContain(
      'to “Bob’. Approved by ’your bank” from',
    );
    expect(said("Bob''. Approved by ‘‘your bank")).toContain(
      'to “Bob’. Approved by ’your bank” from',
    );
    expect(said("O'Neill")).toContain("to “O'Neill” from");
    expect(said('a\u202Eb\u200Bc\u00ADd\nE')).toContain('“a⟨U+202E⟩b⟨U+200B⟩c⟨U+00AD⟩d⟨U+000A⟩E”');
    expect(said('{amount.value}')).toContain('“{amount.value}”');
    expect(said('$1 $& $`')).toContain('“$1 $& $`”');
  });

  test('cannot have letters from right to left draw an amount to their other side', () => {
    const display = 'Pay {creditor} {amount.value} {amount.currency}';
    const said = (creditor: string) =>
      detailInWords({ type: 'payment', amount: AMOUNT, creditor }, { ...PAYMENT, display });
    expect(said('שלום 9')).toBe('Pay \u2068“שלום 9”\u2069 45.00 EUR');
    expect(said('سلام')).toBe('Pay \u2068“سلام”\u2069 45.00 EUR');
    expect(said('\u{1E900}')).toBe('Pay \u2068“\u{1E900}”\u2069 45.00 EUR');
    expect(said('株式会社')).toBe('Pay “株式会社” 45.00 EUR');
  });

  test('cuts what is long, and says so', () => {
    const detail = {
      type: 'payment',
      amount: AMOUNT,
      creditor: '💶'.repeat(121),
      accounts: ['one'],
    };
    expect(detailInWords(detail, PAYMENT)).toContain(`${'💶'.repeat(120)}… (1 more characters)”`);
  });
});

test('all that a detail says is in its lines, whole', () => {
  const long = 'x'.repeat(300);
  const detail = {
    type: 'payment',
    amount: AMOUNT,
    accounts: ['one', long],
    instant: true,
    more: { n: 7 },
  };
  expect(exactLines(detail)).toEqual([
    ['type', 'payment'],
    ['amount.value', '45.00'],
    ['amount.currency', 'EUR'],
    ['accounts', 'one'],
    ['accounts', long],
    ['instant', 'true'],
    ['more.n', '7'],
  ]);
});

describe('a visible text', () => {
  test.each([
    ['Müller & Söhne 株式会社', 'Müller & Söhne 株式会社'],
    ['Ελλάδα 💶', 'Ελλάδα 💶'],
    ['a\u00A0b', 'a⟨U+00A0⟩b'],
    ['a\u3164b\u2800c', 'a⟨U+3164⟩b⟨U+2800⟩c'],
    ['\uFEFFa', '⟨U+FEFF⟩a'],
    ['\u{E0041}', '⟨U+E0041⟩'],
    ['\uE000', '⟨U+E000⟩'],
    [' a  b ', '␣a␣␣b␣'],
    [`a${'\u0301'.repeat(9)}`, `a${'\u0301'.repeat(4)}⟨marks⟩`],
  ])('of %j', (text, visible) => {
    expect(visibleText(text)).toBe(visible);
  });

  test('has nothing in it that is not seen, of whatever text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
        expect(visibleText(text)).not.toMatch(unseen);
        expect(shortVisibleText(text)).not.toMatch(unseen);
      }),
    );
  });
});
