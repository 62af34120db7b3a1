import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { JsonValue } from '../../oauth/strict-json.js';
import { logoDigest, logoPath, logoProblem, MAX_LOGO_BYTES, TOO_LARGE } from '../../zones/logo.js';

/** A logo as it is compared: by what is in it, which its address names as well. */
const BY_DIGEST = /^sha256-([\w-]{43})$/;
const ADDRESS = new RegExp(`${logoPath('([\\w-]{43})').replace('.png', String.raw`\.png`)}$`);

/** A logo that a zone file refers to. */
export interface LogoFile {
  readonly content: Buffer;
  /** What stands for it where logos are compared and shown, such as `sha256-…`. */
  readonly name: string;
}

/** What stands for a logo, whether it is of a file (as it is) or of the API, which has its address. */
export function canonicalLogo(value: JsonValue): JsonValue {
  const digest = typeof value === 'string' ? ADDRESS.exec(value)?.[1] : undefined;
  return digest === undefined ? value : `sha256-${digest}`;
}

/** Whether bytes are the logo that stands there. */
export function isLogo(name: JsonValue, content: Buffer): boolean {
  return typeof name === 'string' && BY_DIGEST.exec(name)?.[1] === logoDigest(content);
}

/**
 * Reads the file of a logo.
 *
 * @param folder that the file is named relative to
 * @returns what is wrong with it, in words, if anything is
 */
export async function readLogoFile(file: string, folder: string): Promise<LogoFile | string> {
  try {
    const path = resolve(folder, file);
    // Of what is no file, such as a device, there may be no end.
    const found = await stat(path);
    if (!found.isFile()) return 'is no file';
    if (found.size > MAX_LOGO_BYTES) return TOO_LARGE;
    const content = await readFile(path);
    const problem = logoProblem(content);
    return problem ?? { content, name: `sha256-${logoDigest(content)}` };
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return `cannot be read (${why})`;
  }
}

/** A logo as the API takes it (RFC 2397). */
export function logoUri({ content }: LogoFile): string {
  return `data:image/png;base64,${content.toString('base64')}`;
}
