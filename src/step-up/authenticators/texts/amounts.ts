import type { Language } from '../../../zones/languages.js';
import { wholeUnits } from '../../whole-units.js';

/** What a count is said with, by its plural category (Unicode CLDR); `other` where there is none for one. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

/** Amounts in a language. */
export interface Amounts {
  /** A time, in the largest unit in which it is a whole number: `15 minutes`. */
  readonly duration: (seconds: number) => string;
  /** A whole number, as it is written there. */
  readonly count: (n: number) => string;
  /** The form that goes with a count. */
  readonly plural: (n: number, forms: Forms) => string;
}

/** Says amounts as a language does. */
export function amountsIn(language: Language): Amounts {
  const numbers = new Intl.NumberFormat(language);
  const plurals = new Intl.PluralRules(language);
  const units = Object.fromEntries(
    (['hour', 'minute', 'second'] as const).map((unit) => [
      unit,
      new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }),
    ]),
  );
  return {
    duration(seconds) {
      const { unit, count } = wholeUnits(seconds);
      return units[unit]?.format(count) ?? numbers.format(count);
    },
    count: (n) => numbers.format(n),
    plural: (n, forms) => forms[plurals.select(n)] ?? forms.other,
  };
}
