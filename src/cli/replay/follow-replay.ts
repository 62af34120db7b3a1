import type { JsonObject, JsonValue } from '../../oauth/strict-json.js';
import { objectOf, textOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import { cellOf } from '../print/cells.js';

/** What of a command a replay needs. */
type Around = Pick<CommandContext, 'api' | 'terminal' | 'pause'>;

/** Seconds between two looks. */
const LOOK_SECONDS = 1;

/**
 * Begins a replay, and waits until it is over. A person sees how far it is.
 *
 * @param zoneId the zone
 * @param body which policies are tried, and on what
 * @throws {Refusal} if it cannot begin
 */
export async function runReplay(
  context: Around,
  zoneId: string,
  body: JsonValue,
): Promise<JsonObject> {
  const path = `zones/${zoneId}/policy-replays`;
  const { body: started } = await context.api.request('POST', path, { body });
  return followReplay(context, zoneId, textOf(objectOf(started), 'id'));
}

/** Waits until a replay is over. @returns what it has found */
export async function followReplay(
  { api, terminal, pause }: Around,
  zoneId: string,
  id: string,
): Promise<JsonObject> {
  let said = '';
  for (;;) {
    const replay = objectOf(
      (await api.get(`zones/${zoneId}/policy-replays/${encodeURIComponent(id)}`)).body,
    );
    if (!UNDER_WAY.has(textOf(replay, 'state'))) return replay;
    const { percent, decisions } = objectOf(replay['progress']);
    const now = `${cellOf(percent)} %, ${cellOf(decisions)} decisions, ${cellOf(replay['changed'])} would be other ones\n`;
    if (terminal.attended && now !== said) terminal.say(now);
    said = now;
    await pause(LOOK_SECONDS);
  }
}

const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'running']);
