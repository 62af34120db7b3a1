import { systemClock } from '../../platform/config/clock.js';
import { ask, type Api } from './api.js';
import { whole } from './compare.js';
import type { Draft } from './draft.js';
import { nameOf } from './field.js';
import { secretsOf, type LiveSecret } from './live-zone.js';
import { CLIENTS, takesSecret } from './nouns/client-noun.js';
import { describeSecret, secretIn } from './plan.js';
import { SecretValues } from './secret-values.js';
import { WrongZoneFile, writePath } from './problems.js';

/**
 * Says which secrets are to be set: that of a client which has none that works, or none that was given where the file says
 * where one comes from. A secret that is there cannot be read, so whether it is the one that is meant is not asked.
 */
export async function planSecrets(api: Api, draft: Draft): Promise<void> {
  const { document, live, differences, first } = draft;
  const clients = document.sections.get(CLIENTS.section) ?? [];
  const problems: string[] = [];
  for (const [n, item] of clients.entries()) {
    const from = secretIn(item['secret']);
    const name = nameOf(CLIENTS, item);
    if (from === null) continue;
    if (!takesSecret(whole(CLIENTS, item)['auth_methods'])) {
      const path = [CLIENTS.section, n, 'secret'];
      problems.push(
        `${document.at(path)}: ${writePath(path)}: the client does not authenticate with a secret`,
      );
    }
    const client = live?.things.get(CLIENTS.section)?.find((each) => each.name === name);
    if (typeof from['expires_at'] === 'string' && isOver(from['expires_at'])) {
      const path = [CLIENTS.section, n, 'secret', 'expires_at'];
      problems.push(`${document.at(path)}: ${writePath(path)}: is over`);
      continue;
    }
    // A new client gets it as it is made.
    if (client === undefined) continue;
    const present = secretsOf(client);
    const isThere = SecretValues.isElsewhere(from)
      ? present.some(({ imported }) => imported)
      : present.length > 0;
    const end = from['expires_at'];
    if (isThere) {
      if (typeof end === 'string')
        await planExpiry(api, draft, { name, clientId: client.id, end }, present);
      continue;
    }
    const changes = [{ field: 'secret', from: null, to: describeSecret(from) }];
    differences.push({ action: 'change', noun: CLIENTS.title, name, changes });
    first.push({ do: 'add secret', name, from });
  }
  if (problems.length > 0) throw new WrongZoneFile(problems);
}

function isOver(instant: string): boolean {
  return Date.parse(instant) <= systemClock.now();
}

/** The newest of the secrets that work is the one that the file means: those before it are being rotated out. */
async function planExpiry(
  api: Api,
  { live, differences, first }: Draft,
  {
    name,
    clientId,
    end,
  }: { readonly name: string; readonly clientId: string; readonly end: string },
  present: readonly LiveSecret[],
): Promise<void> {
  const newest = present.at(-1);
  if (live === null || newest === undefined) return;
  const { id, expiresAt } = newest;
  if (expiresAt !== null && Date.parse(expiresAt) === Date.parse(end)) return;
  const { etag } = await ask(api, 'GET', `zones/${live.id}/clients/${clientId}/secrets/${id}`);
  // What the file refers to may be another one by now: it is the secret that is there which works until then.
  const field = 'expires_at of the secret that is there';
  const changes = [{ field, from: expiresAt, to: end }];
  differences.push({ action: 'change', noun: CLIENTS.title, name, changes });
  first.push({ do: 'change secret', name, read: { id, etag }, expiresAt: end });
}
