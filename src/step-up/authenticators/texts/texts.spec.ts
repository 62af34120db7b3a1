import { describe, expect, test } from 'vitest';
import type { RunningEnv } from '../../../platform/config/env.js';
import type { StepUpTerms } from '../../../zones/step-up-terms.js';
import { LANGUAGES } from '../../../zones/languages.js';
import type { HeldRequest } from '../../challenge.js';
import { CONFIRMATION_METHODS } from '../../decision-methods.js';
import {
  decidedPage,
  endPage,
  NO_EVIDENCE,
  NO_LINK,
  problemOf,
  UNPROVEN,
  type End,
} from '../confirm-outcomes.js';
import { confirmPage, laterPage, proofForm, unshownPage } from '../confirm-page.js';
import type { EnrolmentLink } from '../confirmation-method.js';
import { donePage, enrolLinkPage, enrolPage } from '../enrol-page.js';
import { html, Html } from '../html.js';
import { documentOf, notice, type Page } from '../page.js';
import { receiptLaterPage } from '../receipt-form.js';
import { codesLeft } from '../recovery-code/recovery-code-forms.js';
import { amountsIn } from './amounts.js';
import { en, type Texts } from './en.js';
import { TEXTS } from './texts.js';

/** What stands for data: it is nobody's language. */
const data = (text: string) => `⟪${text}⟫`;

const REQUEST: HeldRequest = {
  zone_id: 'z',
  type: 'mfa',
  demanded_for: [],
  policy_set_version_id: 'p',
  client_id: data('client'),
  subject: { sub: data('alice'), type: 'user', iss: data('idp') },
  subject_client_id: data('other client'),
  use: 'resource',
  resources: [data('one'), data('two')],
  scopes: [data('read'), data('write')],
  operation: { method: data('GET'), path: data('/') },
  authorization_details: [{ type: data('payment') }, { type: data('transfer') }],
  authorization_details_display: [data('pay')],
  agent_session_id: data('agent'),
  delegation_edge_id: data('edge'),
  max_lifetime_seconds: 900,
};

const TERMS = {
  satisfied_by: ['webauthn', 'totp', 'recovery_code'],
  subject_may_satisfy: true,
} as unknown as StepUpTerms;

const ENV = { issuerUrl: 'https://sts.example' } as RunningEnv;

const LINK = {
  token: 'secret',
  enrolment: { zoneId: 'z', subject: data('alice'), subjectIssuer: data('idp') },
  secret: Buffer.alloc(20, 7),
} as EnrolmentLink;

const ENDS: readonly End[] = [
  'approved',
  'rejected',
  'pending',
  'reported',
  'decided',
  'expired',
  'not_here',
];

const NOBODY = { organisation: null, logo: null };
const WORDS = { clients: new Map(), resources: new Map(), scopes: new Map(), ...NOBODY };

/** All that the pages can say. */
function allPages(texts: Texts): readonly Page[] {
  const [, totp] = CONFIRMATION_METHODS;
  const problems = [
    NO_EVIDENCE,
    NO_LINK,
    UNPROVEN,
    ...CONFIRMATION_METHODS.flatMap((method) =>
      [null, 0, 1, 4].map((left) => problemOf({ failure: 'wrong', left }, TERMS, method)),
    ),
    problemOf({ failure: 'too_many', seconds: 61 }, TERMS, totp),
    problemOf({ failure: 'too_many', seconds: 61 }, { ...TERMS, satisfied_by: ['totp'] }, totp),
  ];
  const about = { texts, passkeys: true, problem: null, minutesLeft: 5, request: REQUEST };
  const formsOf = (link: string | null, failed: boolean, code: string | null) =>
    CONFIRMATION_METHODS.flatMap((method) =>
      [true, false].map((followed) =>
        method.confirmForm({
          texts,
          challenge: { id: 'c', binding: Buffer.alloc(32) },
          env: ENV,
          link,
          failed,
          shownCode: { code },
          followed,
        }),
      ),
    );
  const described = {
    organisation: data('organisation'),
    logo: '/logo.png',
    clients: new Map([
      [data('client'), { name: data('shop'), description: data('sells') }],
      [data('other client'), { name: data('till'), description: null }],
    ]),
    resources: new Map(
      [data('one'), data('two')].map((identifier) => [
        identifier,
        {
          name: data(`name of ${identifier}`),
          description: data('what it is'),
          scopes: [{ scope: data('read'), description: data(`read ${identifier}`) }],
        },
      ]),
    ),
    scopes: new Map([[data('write'), data('to write')]]),
  };
  const bare = { ...REQUEST, scopes: [], authorization_details: [{ type: data('one') }] };
  const enrol = { texts, subject: data('alice'), issuer: data('idp'), passkeys: true };
  const enrolForms = (failed: boolean) =>
    CONFIRMATION_METHODS.map((method) =>
      method.enrolForm({ ...LINK, texts, env: ENV, failed, organisation: data('organisation') }),
    );
  const none = { title: '', main: new Html('') };
  return [
    unshownPage({ ...about, forms: formsOf(null, false, null) }),
    ...problems.map((problem) =>
      unshownPage({ ...about, forms: formsOf(null, true, null), problem: problem.text(texts) }),
    ),
    confirmPage({ ...about, words: WORDS, link: 'l', forms: formsOf('l', true, data('123456')) }),
    confirmPage({ ...about, words: described, link: 'l', forms: formsOf('l', false, null) }),
    confirmPage({ ...about, words: described, link: null, forms: [proofForm('p', texts)] }),
    confirmPage({ ...about, request: bare, words: WORDS, link: null, forms: [] }),
    laterPage('l', null, 5, texts),
    receiptLaterPage('l', texts),
    ...ENDS.map((end) => endPage(end, texts)),
    ...(['pending', 'approved', 'consumed', 'rejected'] as const).map((state) =>
      decidedPage(state, texts),
    ),
    ...[0, 1, 3, 4].map((left) => ({ ...none, main: codesLeft(left, texts) })),
    ...Object.values(texts.errors).map((message) => notice(message)),
    enrolLinkPage(texts),
    enrolPage({ ...enrol, forms: enrolForms(false), problem: null }),
    ...CONFIRMATION_METHODS.map((method) =>
      enrolPage({ ...enrol, forms: enrolForms(true), problem: method.enrolProblem(texts) }),
    ),
    donePage([], texts),
    donePage([data('code')], texts),
  ];
}

/** A message: a function where it has parameters. */
type Message = string | Html | ((...args: never[]) => string | Html);

/** The messages of a language by their paths, without what is none. */
function messagesOf(texts: object, above = ''): (readonly [path: string, message: Message])[] {
  return Object.entries(texts).flatMap(([name, value]: [string, Message | object]) => {
    const path = `${above}${name}`;
    if (path === 'language' || path === 'direction') return [];
    return isMessage(value) ? [[path, value] as const] : messagesOf(value, `${path}.`);
  });
}

function isMessage(value: Message | object): value is Message {
  return typeof value === 'string' || typeof value === 'function' || value instanceof Html;
}

/** The parameters with which pages have asked for messages, by path. */
type Asked = Map<string, unknown[][]>;

/** English of which each message is marked with its path: what has no mark on a page is no message. */
function marked(asked: Asked): Texts {
  const marking = (value: unknown, path: string): unknown => {
    if (path === 'language' || path === 'direction') return value;
    if (typeof value === 'string') return `⟦${path}|${value}⟧`;
    if (value instanceof Html) return new Html(`⟦${path}|${value.text}⟧`);
    if (typeof value === 'function') {
      return (...args: unknown[]) => {
        asked.set(path, [...(asked.get(path) ?? []), args]);
        return marking(Reflect.apply(value, undefined, args), path);
      };
    }
    const members = Object.entries(value as object);
    return Object.fromEntries(
      members.map(([name, one]) => [name, marking(one, path === '' ? name : `${path}.${name}`)]),
    );
  };
  return marking(en, '') as Texts;
}

/** A page without what has a mark, the innermost first. */
function withoutMarks(page: string): string {
  const without = page.replace(/⟦[^⟦⟧]*⟧|⟪[^⟪⟫⟦⟧]*⟫/g, '');
  return without === page ? page : withoutMarks(without);
}

const ASKED: Asked = new Map();
const MARKED = allPages(marked(ASKED)).map((page) => documentOf(page, en));
const PATHS = messagesOf(en).map(([path]) => path);

describe('the pages', () => {
  test('say nothing but messages, data, and whose they are', () => {
    for (const page of MARKED) {
      const rest = withoutMarks(page);
      const said = rest.replace(/<[^>]*>/g, ' ').replace(/\bMandate\b|\btype:/g, '');
      expect(said).not.toMatch(/\p{L}/u);
      expect(rest).not.toMatch(/(?:aria-label|title|alt|placeholder)="[^"]*\p{L}/u);
      expect(rest).not.toMatch(/data-[a-z-]+="[^"]*\p{L} +\p{L}/u);
    }
  });

  test('say each message somewhere', () => {
    const all = MARKED.join('');
    expect(PATHS.length).toBeGreaterThan(100);
    expect(PATHS.filter((path) => !all.includes(`⟦${path}|`))).toEqual([]);
  });
});

/** Messages that are the same word in English. */
const THE_SAME: Readonly<Record<string, readonly string[]>> = {
  es: ['errorTitle'],
};

describe.each(LANGUAGES.filter((language) => language !== 'en'))(
  'in the language %s',
  (language) => {
    const texts = new Map(messagesOf(TEXTS[language]));
    const english = new Map(messagesOf(en));

    /** What a message says each time that a page has asked for it, beside what it says in English. */
    const pairs = PATHS.flatMap((path) => {
      const say = (text: Message | undefined, args: readonly unknown[]) => {
        const said: unknown =
          typeof text === 'function' ? Reflect.apply(text, undefined, args) : text;
        return said instanceof Html ? said.text : String(said);
      };
      const all = ASKED.get(path) ?? [[]];
      return all.map((args) => ({
        path,
        args,
        there: say(texts.get(path), args),
        here: say(english.get(path), args),
      }));
    });

    test('all is said in other words', () => {
      const same = pairs.filter(({ there, here }) => there === here).map(({ path }) => path);
      expect([...new Set(same)]).toEqual(THE_SAME[language] ?? []);
    });

    test('what a message is given is in it', () => {
      for (const { path, args, there } of pairs) {
        for (const arg of args) {
          if (typeof arg !== 'string') continue;
          const said = [arg, html`${arg}`.text].some((text) => there.includes(text));
          expect([path, there, said]).toEqual([path, there, true]);
        }
      }
      const numbers = [...ASKED].filter(([, all]) => typeof all[0]?.[0] === 'number');
      expect(numbers.length).toBeGreaterThan(5);
      for (const [path] of numbers) {
        const said = [60, 120, 3_600, 7_260].map((n) => {
          const text = texts.get(path);
          return typeof text === 'function' ? Reflect.apply(text, undefined, [n]) : text;
        });
        expect([path, new Set(said).size]).toEqual([path, 4]);
      }
    });

    test('markup and the end of a sentence are as in English', () => {
      const shape = (text: string) => [
        (text.match(/<[^>]*>/g) ?? []).toSorted(),
        /[.?:]?(?:<[^>]*>)*$/.exec(text.trim())?.[0],
      ];
      for (const { path, there, here } of pairs) {
        expect([path, ...shape(there)]).toEqual([path, ...shape(here)]);
      }
    });

    test('is written as it is there', () => {
      for (const { path, there } of pairs) {
        const text = there.replace(/\s*\n\s*/g, ' ').replace(/<[^>]*>/g, '');
        const wrong = {
          spaces: /^ | {2}| $/.test(text),
          apostrophes: /\p{L}'\p{L}/u.test(text),
          breaks: language === 'fr' && / [?!;:»]/.test(text),
          opened: language === 'es' && text.includes('?') !== text.includes('¿'),
        };
        expect([path, wrong]).toEqual([
          path,
          { spaces: false, apostrophes: false, breaks: false, opened: false },
        ]);
      }
    });
  },
);

test.each(LANGUAGES)('%s is under its name, and written in its direction', (language) => {
  expect(TEXTS[language].language).toBe(language);
  const { script } = new Intl.Locale(language).maximize();
  expect([script, TEXTS[language].direction]).toEqual(['Latn', 'ltr']);
});

test('amounts are said as each language says them', () => {
  const said = (language: (typeof LANGUAGES)[number]) =>
    [1, 60, 120, 90, 7_200].map((n) => amountsIn(language).duration(n).replaceAll('\u00a0', ' '));
  expect(said('en')).toEqual(['1 second', '1 minute', '2 minutes', '90 seconds', '2 hours']);
  expect(said('de')).toEqual(['1 Sekunde', '1 Minute', '2 Minuten', '90 Sekunden', '2 Stunden']);
  expect(said('es')).toEqual(['1 segundo', '1 minuto', '2 minutos', '90 segundos', '2 horas']);
  expect(said('fr')).toEqual(['1 seconde', '1 minute', '2 minutes', '90 secondes', '2 heures']);
  const { plural } = amountsIn('fr');
  const forms = { one: 'un', other: 'plusieurs' };
  // One is the form of nothing as well there; millions have one of their own.
  expect([0, 1, 2, 1_000_000].map((n) => plural(n, forms))).toEqual([
    'un',
    'un',
    'plusieurs',
    'plusieurs',
  ]);
});
