import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { NO_ZONE } from '../../ledger/entry.js';
import { whereItIs, type Away } from '../../oauth/away.js';
import { newId } from '../../platform/uuid-v7.js';
import { inTransaction } from './long-connection.js';
import { recordMove } from './move-event.js';
import { isBusy } from './moved-days.js';
import type { ReceivingKey } from './receiving-key.js';
import { drain, MoveRefused, setAway, takeZone, timeIn, type MovingZone } from './zone-states.js';

/** How often it is tried to stop a zone while others have some of it for long. */
const ATTEMPTS = 40;
const AGAIN_MS = 250;

/** A zone that was stopped, and where it is on its way to. */
export interface StoppedZone {
  readonly zone: MovingZone;
  readonly away: Away;
}

/**
 * Stops a zone that is to be sent: from here on it is not served, and nothing is added to it. Done again, it is
 * another move.
 *
 * @param issuerUrl of this installation
 * @throws {MoveRefused} for a zone that cannot be sent
 */
export async function stopZone(
  client: pg.Client,
  nameOrId: string,
  key: ReceivingKey,
  issuerUrl: string,
): Promise<StoppedZone> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until nobody is in the way
      return await inTransaction(client, () => stopOnce(client, nameOrId, key, issuerUrl));
    } catch (error) {
      if (!isBusy(error) || attempt === ATTEMPTS) throw error;
      // oxlint-disable-next-line no-await-in-loop
      await sleep(AGAIN_MS);
    }
  }
}

async function stopOnce(
  client: pg.Client,
  nameOrId: string,
  key: ReceivingKey,
  issuerUrl: string,
): Promise<StoppedZone> {
  const zone = await takeZone(client, nameOrId);
  checkZone(zone, key, issuerUrl);
  const away: Away = {
    state: 'sending',
    move: newId(),
    since: zone.away?.since ?? (await timeIn(client)),
    peer: key.issuerUrl,
    vkey: key.vkey,
    digest: null,
  };
  // Nothing is added to its own log once it is stopped, and each file is for another key.
  await recordMove(client, zone.away === null ? zone.id : NO_ZONE, 'zone.sending', {
    zone: { id: zone.id, name: zone.name },
    to: key.issuerUrl,
    move: away.move,
    key: { id: key.id, vkey: key.vkey },
  });
  await setAway(client, zone.id, away);
  await drain(client, zone.id);
  return { zone, away };
}

/** @throws {MoveRefused} */
function checkZone(zone: MovingZone, key: ReceivingKey, issuerUrl: string): void {
  if (zone.removing) throw new MoveRefused('the zone is being removed');
  if (zone.controls) throw new MoveRefused('the zone is the one that operators come through');
  if (zone.away !== null && zone.away.state !== 'sending') {
    throw new MoveRefused(whereItIs(zone.away));
  }
  if (zone.held > 0) {
    throw new MoveRefused(
      'a signer keeps signing keys of the zone, and does not give them away: rotate to keys without it first',
    );
  }
  if (zone.issuerMode !== 'own' && key.issuerUrl !== issuerUrl) {
    throw new MoveRefused(
      `its issuer is below ${issuerUrl}, and the other installation is ${key.issuerUrl}: it could not go on under the ` +
        'issuer that it has. Give it a host of its own first (issuer_mode own)',
    );
  }
}
