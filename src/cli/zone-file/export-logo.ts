import { extname } from 'node:path';
import { MAX_LOGO_BYTES } from '../../zones/logo.js';
import type { CommandContext } from '../context.js';
import { brief } from './compare.js';
import { nameOf } from './field.js';
import type { LiveZone } from './live-zone.js';
import { isLogo } from './logo-file.js';
import { ZONE } from './nouns/zone-noun.js';
import type { NewFile } from './write-new-file.js';

/**
 * Reads the logo of a zone for a file beside the one that the zone is exported to, and says so where that cannot be: a zone file
 * that does not say which logo there is leaves it alone.
 *
 * @param file the zone file; `undefined` for the standard output
 * @param nth which of its zones it is, from 0
 * @returns the file of the logo, to be written; `null` for none
 */
export async function exportLogo(
  { api, terminal }: CommandContext,
  live: LiveZone,
  file: string | undefined,
  nth: number,
): Promise<NewFile | null> {
  const address = live.item['logo'];
  const name = brief(ZONE, live.item)['logo'];
  if (typeof address !== 'string' || name === undefined) return null;
  const leftOut = (why: string): null => {
    terminal.say(`the logo of zone ${nameOf(ZONE, live.item)} is left out: ${why}\n`);
    return null;
  };
  if (file === undefined) return leftOut('it goes to a file beside the one that -f names');
  const content = await api.download(address, MAX_LOGO_BYTES);
  if (content === null) return leftOut(`it cannot be read at ${address}`);
  if (!isLogo(name, content)) return leftOut(`at ${address} is something else`);
  const path = `${file.slice(0, file.length - extname(file).length)}${nth === 0 ? '' : `-${nth + 1}`}.png`;
  return { path, content };
}
