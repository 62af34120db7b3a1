import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Response } from 'express';
import { programFolder } from '../../platform/config/manifest.js';
import { documentOf, type Page } from './page.js';
import type { Texts } from './texts/en.js';

/** The policy of pages: they load our style, scripts and logos, send their own forms, and nothing else. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'X-Robots-Tag': 'noindex',
};

/** Sends a page in the language of its texts, which was chosen by `Accept-Language` (RFC 9110 12.5.5). */
export function sendPage(response: Response, status: number, page: Page, texts: Texts): void {
  response
    .status(status)
    .set(HEADERS)
    .set('Content-Language', texts.language)
    .vary('Accept-Language')
    .type('text/html; charset=utf-8')
    .send(documentOf(page, texts));
}

/** The files that pages load, by name. */
export type Assets = ReadonlyMap<string, { readonly type: string; readonly body: Buffer }>;

/** Reads the files that pages load: our own style and scripts, and the library that talks to passkeys. */
export function readAssets(): Assets {
  const own = join(programFolder(), 'assets');
  const entry = createRequire(import.meta.url).resolve('@simplewebauthn/browser');
  const library = join(dirname(entry), '..', 'dist', 'bundle', 'index.umd.min.js');
  const script = 'text/javascript; charset=utf-8';
  return new Map([
    ['page.css', { type: 'text/css; charset=utf-8', body: readFileSync(join(own, 'page.css')) }],
    ['link.js', { type: script, body: readFileSync(join(own, 'link.js')) }],
    ['codes.js', { type: script, body: readFileSync(join(own, 'codes.js')) }],
    ['passkey.js', { type: script, body: readFileSync(join(own, 'passkey.js')) }],
    ['webauthn.js', { type: script, body: readFileSync(library) }],
  ]);
}
