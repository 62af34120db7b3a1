import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Request } from 'express';
import type { DataSource } from 'typeorm';
import { LANGUAGES, languagesOf, type Language } from '../../zones/languages.js';
import { chooseLanguage } from './texts/choose-language.js';
import type { Texts } from './texts/en.js';
import { TEXTS } from './texts/texts.js';

/** What was chosen for a request, so that a page of what goes wrong later is in the same language. */
const chosen = new WeakMap<Request, Texts>();

/** Chooses the language of pages: one of their zone's, by what the request says that the person wants. */
@Injectable()
export class PageTexts {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The texts for a page that is about a zone. */
  async ofZone(request: Request, zoneId: string): Promise<Texts> {
    const [row] = await this.dataSource.query<{ languages: string[] | null }[]>(
      'SELECT languages FROM zones WHERE id = $1',
      [zoneId],
    );
    return remembered(request, languagesOf(row?.languages ?? null));
  }
}

/** The texts for a page of which nobody knows the zone: those of whatever language the person wants, else English. */
export function textsOf(request: Request): Texts {
  return chosen.get(request) ?? remembered(request, LANGUAGES);
}

function remembered(request: Request, available: readonly Language[]): Texts {
  const { ui_locales: uiLocales } = request.query;
  const texts =
    TEXTS[
      chooseLanguage(
        {
          uiLocales: typeof uiLocales === 'string' ? uiLocales : undefined,
          acceptLanguage: request.headers['accept-language'],
        },
        available,
      )
    ];
  chosen.set(request, texts);
  return texts;
}
