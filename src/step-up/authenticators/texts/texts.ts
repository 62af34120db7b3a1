import type { Language } from '../../../zones/languages.js';
import { de } from './de.js';
import { en, type Texts } from './en.js';
import { es } from './es.js';
import { fr } from './fr.js';

/** The texts of pages, by language. */
export const TEXTS: Readonly<Record<Language, Texts>> = { en, de, es, fr };
