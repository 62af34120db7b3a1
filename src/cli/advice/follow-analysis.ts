import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { objectOf, textOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { cellOf } from '../print/cells.js';

/** What of a command an analysis needs. */
type Around = Pick<CommandContext, 'api' | 'terminal' | 'pause'>;

/** Seconds between two looks. */
const LOOK_SECONDS = 1;

/** Begins an access analysis, and waits until it is over. A person sees how far it is. @param body how far back it goes */
export async function runAnalysis(
  { api, terminal, pause }: Around,
  zoneId: string,
  body: JsonValue,
): Promise<JsonObject> {
  const path = `zones/${zoneId}/access-analyses`;
  const id = textOf(objectOf((await api.request('POST', path, { body })).body), 'id');
  let said = '';
  for (;;) {
    const analysis = await readAnalysis({ api }, zoneId, id);
    if (!UNDER_WAY.has(textOf(analysis, 'state'))) return analysis;
    const { percent, requests } = objectOf(analysis['progress']);
    const now = `${cellOf(percent)} %, ${cellOf(requests)} requests\n`;
    if (terminal.attended && now !== said) terminal.say(now);
    said = now;
    await pause(LOOK_SECONDS);
  }
}

/** Reads an analysis with its advice. */
export async function readAnalysis(
  { api }: Pick<Around, 'api'>,
  zoneId: string,
  id: string,
): Promise<JsonObject> {
  return objectOf(
    (await api.get(`zones/${zoneId}/access-analyses/${encodeURIComponent(id)}`)).body,
  );
}

const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'running']);
