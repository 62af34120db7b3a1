import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { CompactEncrypt, importJWK } from 'jose';
import type { DataSource } from 'typeorm';
import { CheckpointKeys } from '../../evidence/checkpoint-keys.service.js';
import { LastCheckpoints } from '../../evidence/last-checkpoint.service.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { whereItIs } from '../../oauth/away.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { formatVkey } from '../../transparency-log/note-key.js';
import { eraseSecrets, type Erased } from './erase-secrets.js';
import { inTransaction, onLongConnection } from './long-connection.js';
import { readCounters } from './counters.js';
import { readDays } from './moved-days.js';
import { recordMove } from './move-event.js';
import { faultOfMove, ofManifest, signMove } from './move-notes.js';
import { readRows, ZONE_ROW } from './moved-rows.js';
import { MOVED } from './moved-tables.js';
import type { ReceivingKey } from './receiving-key.js';
import { schemaOf } from './receiving-keys.service.js';
import { SealedParts } from './sealed-parts.js';
import { settleFeed } from './settle-feed.js';
import { stopZone } from './stop-zone.js';
import { formatHead, type Manifest } from './zone-file.js';
import {
  MoveRefused,
  readPolicies,
  setAway,
  takeZone,
  timeIn,
  type MovingZone,
} from './zone-states.js';

/** A file that was written. */
export interface SentZone {
  readonly zoneId: string;
  readonly name: string;
  readonly move: string;
  /** SHA-256 of what it says, in base64. */
  readonly digest: string;
  readonly rows: number;
  /** The key that the file, and the release later, is signed by. */
  readonly vkey: string;
}

/** What a zone was ended by. */
export interface EndedZone extends Erased {
  readonly zoneId: string;
  /** Signed: with it the other installation begins to serve the zone. */
  readonly release: string;
}

/**
 * Sends a zone to another installation. From the beginning on it is not served here, and nothing is added to it, so that what
 * is read then is all that there is. With the receipt of the other installation it is ended here for good; without one it can
 * be served here again. Each step can be repeated, whenever the process was killed.
 */
@Injectable()
export class ZoneSender {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly sealing: Sealing,
    private readonly checkpointKeys: CheckpointKeys,
    private readonly checkpoints: LastCheckpoints,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Writes a zone, sealed for a key of the installation that is to receive it.
   *
   * @param nameOrId its id, or how it is called
   * @param write writes bytes of the file, and waits until there is room for more
   * @throws {MoveRefused} for a zone or a key that it cannot be done with
   */
  async send(
    nameOrId: string,
    key: ReceivingKey,
    write: (bytes: Buffer) => Promise<void>,
  ): Promise<SentZone> {
    await this.checkKey(key);
    const { signer } = await this.checkpointKeys.signer();
    const contentKey = randomBytes(32);
    const head = formatHead({ key: key.id, jwe: await sealKey(contentKey, key) });
    return onLongConnection(this.env, async (client) => {
      const { zone, away } = await stopZone(client, nameOrId, key, this.env.issuerUrl);
      await settleFeed(client, zone.id);
      const checkpoint = await this.checkpoints.of(zone.id);
      const parts = new SealedParts(head, contentKey, write);
      const hash = createHash('sha256');
      let rows = -1;
      const add = async (line: string): Promise<void> => {
        hash.update(`${line}\n`);
        if (line.startsWith('{"row":')) rows += 1;
        await parts.add(line);
      };
      await parts.begin();
      await inTransaction(
        client,
        async () => {
          const manifest: Manifest = {
            key: key.id,
            zoneId: zone.id,
            name: zone.name,
            move: away.move,
            from: this.env.issuerUrl,
            schema: key.schema,
            days: await readDays(client, zone.id),
            policies: await readPolicies(client, zone.id),
            counters: await readCounters(client),
            checkpoint,
          };
          const first = JSON.stringify(manifest);
          await add(first);
          // Nothing is made where it is received for what somebody else has sealed.
          await add(
            JSON.stringify({ signed: signMove('sending', ofManifest(manifest, first), signer) }),
          );
          for (const table of [ZONE_ROW, ...MOVED]) {
            await add(JSON.stringify({ table: table.name }));
            for await (const line of readRows(client, table, zone.id, this.sealing)) {
              await add(line);
            }
          }
        },
        'ISOLATION LEVEL REPEATABLE READ READ ONLY',
      );
      const digest = hash.digest('base64');
      const of = { zoneId: zone.id, move: away.move, digest };
      await parts.add(JSON.stringify({ signed: signMove('sent', of, signer) }));
      await parts.end();
      contentKey.fill(0);
      await inTransaction(client, async () => {
        const { away: still } = await takeZone(client, zone.id);
        if (still?.state !== 'sending' || still.move !== away.move) {
          throw new MoveRefused('the move was given up, or begun anew, meanwhile');
        }
        await setAway(client, zone.id, { ...away, digest });
      });
      return { ...of, name: zone.name, rows, vkey: formatVkey(signer.key) };
    });
  }

  /**
   * Ends a zone here for good that the other installation has received.
   *
   * @param receipt what the other installation has written
   * @param vkeys keys beside that of the move of which one may have signed it
   * @throws {MoveRefused} if the receipt is not of the file that was written last
   */
  async end(nameOrId: string, receipt: string, vkeys: readonly string[]): Promise<EndedZone> {
    const { signer } = await this.checkpointKeys.signer();
    return onLongConnection(this.env, (client) =>
      inTransaction(client, async () => {
        const zone = await takeZone(client, nameOrId);
        const { away } = zone;
        if (away === null || away.state === 'arriving') throw notSending(zone);
        const { digest, move } = away;
        if (digest === null) throw new MoveRefused('no file of the zone was written whole yet');
        const of = { zoneId: zone.id, move, digest };
        const fault = faultOfMove(receipt, 'received', of, [away.vkey, ...vkeys]);
        if (fault !== null) throw new MoveRefused(`the receipt does not count: ${fault}`);
        const release = signMove('released', of, signer);
        if (away.state === 'moved') return { zoneId: zone.id, release, undelivered: 0 };
        const since = await timeIn(client);
        await setAway(client, zone.id, { ...away, state: 'moved', since });
        const erased = await eraseSecrets(client, zone.id, this.sealing);
        await recordMove(client, NO_ZONE, 'zone.moved', {
          zone: { id: zone.id, name: zone.name },
          to: away.peer,
          move,
          sha256: digest,
        });
        return { zoneId: zone.id, release, ...erased };
      }),
    );
  }

  /**
   * Gives a move up: the zone is served here again, and what was sent of it can never be served elsewhere.
   *
   * @throws {MoveRefused} if it has moved already
   */
  async cancel(nameOrId: string): Promise<{ readonly zoneId: string }> {
    return onLongConnection(this.env, (client) =>
      inTransaction(client, async () => {
        const zone = await takeZone(client, nameOrId);
        if (zone.away?.state !== 'sending') throw notSending(zone);
        await setAway(client, zone.id, null);
        const { move, peer } = zone.away;
        await recordMove(client, zone.id, 'zone.sending_cancelled', {
          zone: { id: zone.id, name: zone.name },
          to: peer,
          move,
        });
        return { zoneId: zone.id };
      }),
    );
  }

  private async checkKey({ schema, expiresAt, vkey }: ReceivingKey): Promise<void> {
    const own = await schemaOf(this.dataSource);
    if (schema !== own) {
      throw new MoveRefused(
        `the installations are of different versions: ${own} here, ${schema} there; bring both to the same one`,
      );
    }
    const [row] = await this.dataSource.query<{ good: boolean }[]>(
      'SELECT $1::timestamptz > now() AS good',
      [expiresAt],
    );
    if (row?.good !== true) throw new MoveRefused(`the key has expired at ${expiresAt}`);
    const keys = await this.checkpointKeys.list(this.dataSource);
    if (keys.some((key) => key.vkey === vkey)) {
      throw new MoveRefused('the key is of this installation');
    }
  }
}

async function sealKey(contentKey: Buffer, { jwk }: ReceivingKey): Promise<string> {
  return new CompactEncrypt(contentKey)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
    .encrypt(await importJWK(jwk, 'ECDH-ES'));
}

function notSending({ away }: MovingZone): MoveRefused {
  return new MoveRefused(away === null ? 'the zone is not being sent' : whereItIs(away));
}
