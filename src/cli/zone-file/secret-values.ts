import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { JsonValue } from '../../oauth/strict-json.js';
import { isJsonObject } from '../../oauth/strict-json.js';

/** Reads what references to secrets mean. Nothing of it is printed or kept. */
export class SecretValues {
  /**
   * @param environment of whoever applies
   * @param folder that files are named relative to
   */
  constructor(
    private readonly environment: Readonly<Record<string, string | undefined>>,
    private readonly folder: string,
  ) {}

  /** Whether the secret is somewhere, rather than to be drawn. */
  static isElsewhere(from: JsonValue): boolean {
    return isJsonObject(from) && (from['env'] !== undefined || from['file'] !== undefined);
  }

  /** @throws {Error} that names the reference, if there is nothing */
  async valueOf(from: JsonValue): Promise<string> {
    const { env, file } = isJsonObject(from) ? from : {};
    if (typeof env === 'string') {
      const value = this.environment[env];
      if (value === undefined || value === '')
        throw new Error(`environment variable ${env} is not set`);
      return value;
    }
    if (typeof file !== 'string') throw new Error('the reference names no secret');
    const text = await readFile(resolve(this.folder, file), 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        throw new Error(`secret file ${file} cannot be read (${error.code ?? error.message})`);
      },
    );
    const value = text.replace(/\r?\n$/, '');
    if (value === '') throw new Error(`secret file ${file} is empty`);
    return value;
  }
}
