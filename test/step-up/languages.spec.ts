import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomUUID } from 'node:crypto';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, sharedReplica, startReplicaForTest, type Replica } from '../setup/harness.js';
import { fragmentOf, keyOn, openPage, type Shown } from '../setup/pages.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';

const MFA_WRITES = APPROVE_WRITES.replace('"approval"', '"mfa"');

/** The heading of each page, in each language. */
const HEADINGS = {
  en: {
    unshown: 'Confirm a request',
    shown: 'Confirm this request?',
    later: 'Nothing is decided',
    approved: 'Confirmed',
    decided: 'Already decided',
    enrol: 'Set up confirmation',
    done: 'That works',
    nothing: 'Nothing here',
    malformed: 'That did not work',
  },
  de: {
    unshown: 'Eine Anfrage bestätigen',
    shown: 'Diese Anfrage bestätigen?',
    later: 'Nichts ist entschieden',
    approved: 'Bestätigt',
    decided: 'Schon entschieden',
    enrol: 'Bestätigung einrichten',
    done: 'Das funktioniert',
    nothing: 'Hier ist nichts',
    malformed: 'Das hat nicht funktioniert',
  },
  es: {
    unshown: 'Confirmar una solicitud',
    shown: '¿Confirmar esta solicitud?',
    later: 'No se ha decidido nada',
    approved: 'Confirmada',
    decided: 'Ya está decidida',
    enrol: 'Configurar la confirmación',
    done: 'Funciona',
    nothing: 'Aquí no hay nada',
    malformed: 'No ha funcionado',
  },
  fr: {
    unshown: 'Confirmer une demande',
    shown: 'Confirmer cette demande\u00a0?',
    later: 'Rien n’est décidé',
    approved: 'Confirmé',
    decided: 'Déjà décidé',
    enrol: 'Configurer la confirmation',
    done: 'Cela fonctionne',
    nothing: 'Rien ici',
    malformed: 'Cela n’a pas fonctionné',
  },
} as const;

type Language = keyof typeof HEADINGS;
const LANGUAGES = Object.keys(HEADINGS) as Language[];

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
});
beforeEach(async () => {
  zone = await createTestZone(replica, MFA_WRITES);
});

const speak = (languages: readonly string[] | null) => zone.admin('PATCH', '', { languages });

/** A page that a person opens who prefers languages. */
const open = (path: string, accept: string, fields?: Record<string, string>) =>
  openPage(replica, path, fields, { 'accept-language': accept, accept: 'text/html' });

async function held(parameters: Record<string, string> = {}) {
  const { id, confirmUri } = heldIn(await zone.session({ scope: 'a:write', ...parameters }));
  return { id, page: `/step-up/${id}/confirm`, link: fragmentOf(confirmUri) };
}

/** What a page says that it is in, by its header and itself, and its heading. */
function said({ text, headers }: Shown) {
  return {
    header: headers.get('content-language'),
    page: /<html lang="([^"]*)" dir="ltr">/.exec(text)?.[1],
    heading: /<h1>([^<]*)<\/h1>/.exec(text)?.[1]?.trim(),
  };
}

const inLanguage = (language: Language, which: keyof (typeof HEADINGS)['en']) => ({
  header: language,
  page: language,
  heading: HEADINGS[language][which],
});

describe.each(LANGUAGES)('in %s', (language) => {
  beforeEach(() => speak([...LANGUAGES].toSorted()));

  test('a request is shown, put off, confirmed, and told of afterwards', async () => {
    const { secret } = await zone.admin('POST', '/authenticators', {
      subject: zone.clientId,
      kind: 'totp',
    });
    const { page, link } = await held();
    const first = await open(page, language);
    expect([first.status, said(first)]).toEqual([200, inLanguage(language, 'unshown')]);
    expect(first.headers.get('vary')?.toLowerCase()).toContain('accept-language');
    expect(said(await open(page, language, { link }))).toEqual(inLanguage(language, 'shown'));
    const later = await open(page, language, { link, decision: 'later' });
    expect(said(later)).toEqual(inLanguage(language, 'later'));
    const wrong = await open(page, language, { link, code: '000000', decision: 'approved' });
    expect([wrong.status, said(wrong)]).toEqual([400, inLanguage(language, 'shown')]);
    const code = codeOf(String(secret));
    const done = await open(page, language, { link, code, decision: 'approved' });
    expect(said(done)).toEqual(inLanguage(language, 'approved'));
    expect(said(await open(page, language))).toEqual(inLanguage(language, 'decided'));
  });

  test('an app is set up', async () => {
    const made = await zone.admin('POST', '/authenticators/enrolments', { subject: zone.clientId });
    const link = fragmentOf(made['enrolment_url']);
    const path = '/step-up/enrol';
    expect(said(await open(path, language))).toEqual(inLanguage(language, 'enrol'));
    const form = await open(path, language, { link });
    expect(said(form)).toEqual(inLanguage(language, 'enrol'));
    expect(form.text).not.toContain('Pied Piper');
    await zone.admin('PATCH', '', { display_name: 'Pied Piper' });
    const wrong = await open(path, language, { link, code: '000000' });
    expect([wrong.status, said(wrong)]).toEqual([400, inLanguage(language, 'enrol')]);
    expect(wrong.text).toMatch(/<p class="brand">\s*Pied Piper\s*</);
    const done = await open(path, language, { link, code: codeOf(keyOn(form.text)) });
    expect(said(done)).toEqual(inLanguage(language, 'done'));
    expect(done.text).toContain('Pied Piper');
    expect(said(await open(path, language, { link }))).toEqual(inLanguage(language, 'nothing'));
  });

  test('what goes wrong is said', async () => {
    const unknown = await open(`/step-up/${randomUUID()}/confirm`, language);
    expect([unknown.status, said(unknown)]).toEqual([404, inLanguage(language, 'nothing')]);
    const { page } = await held();
    for (const path of [page, '/step-up/enrol']) {
      const malformed = await open(path, language, { link: 'a\0' });
      expect([malformed.status, said(malformed)]).toEqual([400, inLanguage(language, 'malformed')]);
    }
    const old = await open('/step-up/enrol/x', language);
    expect([old.status, said(old).header]).toEqual([410, language]);
  });
});

describe('the language of a page', () => {
  const ofPage = async (accept: string, query = '') => {
    const { page, link } = await held();
    const shown = await open(`${page}${query}`, accept, { link });
    expect(shown.status).toBe(200);
    return said(shown).page;
  };

  test('is English in a zone that has said nothing, whatever is preferred', async () => {
    expect(await ofPage('de, fr;q=0.9')).toBe('en');
  });

  test('is one of the zone: the one that is preferred, else its first', async () => {
    await speak(['fr', 'de']);
    expect(await ofPage('en, it')).toBe('fr');
    expect(await ofPage('en, de-CH;q=0.8, fr;q=0.5')).toBe('de');
    expect(await ofPage('fr;q=0')).toBe('de');
    expect(await ofPage(`${'xx,'.repeat(1_000)}de`)).toBe('fr');
    expect(await ofPage('de;q=never')).toBe('fr');
    await speak(['de', 'fr']);
    expect(await ofPage('*')).toBe('de');
    await speak(null);
    expect(await ofPage('de')).toBe('en');
  });

  test('is what the query says by ui_locales, before what the browser prefers', async () => {
    await speak(['fr', 'de']);
    expect(await ofPage('fr', '?ui_locales=de-AT%20fr')).toBe('de');
    expect(await ofPage('de', '?ui_locales=es')).toBe('de');
    expect(await ofPage('de', '?ui_locales=fr&ui_locales=fr')).toBe('de');
    expect(await ofPage('de', '?ui_locales=')).toBe('de');
    expect(await ofPage('de', `?ui_locales=${'x%20'.repeat(500)}fr`)).toBe('de');
  });

  test('stays that of its zone where another version has left it one without texts', async () => {
    await rows(replica.databaseUrl, 'UPDATE zones SET languages = $2 WHERE id = $1', [
      zone.zoneId,
      ['tlh', 'es'],
    ]);
    expect(await ofPage('tlh, en')).toBe('es');
  });

  test('is that of the challenge where something goes wrong after it was found', async () => {
    const broken = await startReplicaForTest();
    const there = await createTestZone(broken, MFA_WRITES);
    await there.admin('PATCH', '', { languages: ['de'] });
    const { id, confirmUri } = heldIn(await there.session({ scope: 'a:write' }));
    await rows(
      await databaseOf(broken.databaseUrl, there.zoneId),
      'ALTER TABLE clients RENAME COLUMN description TO was',
    );
    const failed = await openPage(
      broken,
      `/step-up/${id}/confirm`,
      { link: fragmentOf(confirmUri) },
      { 'accept-language': 'fr', accept: 'text/html' },
    );
    expect([failed.status >= 500, said(failed).page]).toEqual([true, 'de']);
  });

  test('is none of what programs are told', async () => {
    await speak(['de']);
    const { page } = await held();
    const refused = await openPage(
      replica,
      page,
      { link: 'a\0' },
      { 'accept-language': 'de', accept: 'application/json' },
    );
    expect(refused.headers.get('content-language')).toBeNull();
    expect(JSON.parse(refused.text)).toMatchObject({
      error_description: expect.stringContaining('malformed'),
    });
    const answer = await fetch(`${replica.url}/oauth/2/token`, {
      method: 'POST',
      headers: { 'accept-language': 'de' },
      body: new URLSearchParams({ grant_type: 'x' }),
    });
    const { error_description: description } = (await answer.json()) as Record<string, unknown>;
    // RFC 6749 5.2 has no characters but these.
    expect(description).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/);
  });
});
