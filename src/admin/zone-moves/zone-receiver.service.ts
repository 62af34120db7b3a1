import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CheckpointKeys } from '../../evidence/checkpoint-keys.service.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { whereItIs, type Away } from '../../oauth/away.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { parseCheckpoint } from '../../transparency-log/checkpoint.js';
import { parseVkey } from '../../transparency-log/note-key.js';
import { openNote } from '../../transparency-log/signed-note.js';
import { inTransaction, onLongConnection } from './long-connection.js';
import { makeDays } from './moved-days.js';
import { recordMove } from './move-event.js';
import { faultOfMove, ofManifest, signMove } from './move-notes.js';
import { ReceivingKeys, schemaOf, useReceivingKey } from './receiving-keys.service.js';
import { BrokenFile, openParts, Pieces } from './sealed-parts.js';
import { parseHead, parseManifest, parseSigned, type Manifest } from './zone-file.js';
import { MoveRefused, setAway, takeZone, timeIn } from './zone-states.js';
import { asRefusal, forgetArriving, refuseIfThere, settle } from './place-zone.js';
import { checkLog } from './check-log.js';
import { writeLines } from './write-lines.js';

/** A zone that was received. */
export interface ReceivedZone {
  readonly zoneId: string;
  /** Signed: with it the other installation ends the zone. */
  readonly receipt: string;
}

/** The same, with what was looked at. */
export interface ReceivedFile extends ReceivedZone {
  readonly name: string;
  readonly rows: number;
  /** Events of its log, whose chains were computed again. */
  readonly events: number;
}

/**
 * Receives a zone from another installation: whole, in one transaction, or not at all. It is not served before the other
 * installation has said, signed, that it has ended it.
 */
@Injectable()
export class ZoneReceiver {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keys: ReceivingKeys,
    private readonly sealing: Sealing,
    private readonly checkpointKeys: CheckpointKeys,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Receives a zone.
   *
   * @param file its bytes
   * @param vkey the key of the other installation, which has signed it
   * @throws {BrokenFile} for a file that is not what was written for this installation
   * @throws {MoveRefused} if the zone cannot be here
   */
  async receive(file: AsyncIterable<Buffer>, vkey: string): Promise<ReceivedFile> {
    const pieces = new Pieces(file);
    const headLine = await pieces.line();
    const head = parseHead(headLine);
    const contentKey = await this.keys.open(head.key, head.jwe);
    const hash = createHash('sha256');
    const lines = openParts(pieces, headLine, contentKey);
    try {
      const [first, second] = [await nextLine(lines), await nextLine(lines)];
      hash.update(`${first}\n${second}\n`);
      const manifest = parseManifest(first, head.key);
      const { signed: note } = parseSigned(second);
      const unsigned = faultOfMove(note, 'sending', ofManifest(manifest, first), [vkey]);
      if (unsigned !== null) throw new BrokenFile(`its signature does not count: ${unsigned}`);
      await this.checkManifest(manifest, vkey);
      return await onLongConnection(this.env, async (client) => {
        await makeDays(client, manifest.days);
        return inTransaction(client, async () => {
          await client.query(RECEIVING);
          if (!(await useReceivingKey(client, head.key))) throw new BrokenFile(USED);
          await refuseIfThere(client, manifest, this.env.issuerUrl);
          await forgetArriving(client, manifest.zoneId);
          const { signed, rows } = await writeLines(client, manifest, lines, hash, this.sealing);
          const digest = hash.digest('base64');
          const of = { zoneId: manifest.zoneId, move: manifest.move, digest };
          const fault = faultOfMove(signed, 'sent', of, [vkey]);
          if (fault !== null) throw new BrokenFile(`its signature does not count: ${fault}`);
          const { move, from: peer } = manifest;
          const since = await timeIn(client);
          const away: Away = { state: 'arriving', move, since, peer, vkey, digest };
          await settle(client, manifest, away, this.env.issuerUrl);
          const events = await checkLog(client, manifest);
          await recordMove(client, NO_ZONE, 'zone.arrived', {
            zone: { id: manifest.zoneId, name: manifest.name },
            from: peer,
            move,
            sha256: digest,
          });
          const receipt = await this.receiptOf(manifest.zoneId, away);
          return { ...receipt, name: manifest.name, rows, events };
        });
      });
    } catch (error) {
      throw asRefusal(error);
    } finally {
      contentKey.fill(0);
    }
  }

  /** The receipt of a zone that was received, once more. @throws {MoveRefused} if it was not */
  async receipt(nameOrId: string): Promise<ReceivedZone> {
    return onLongConnection(this.env, (client) =>
      inTransaction(client, async () => {
        const { id, away } = await takeZone(client, nameOrId);
        return this.receiptOf(id, arrivingIn(away));
      }),
    );
  }

  /**
   * Begins to serve a zone that the other installation has ended.
   *
   * @param release what the other installation has written
   * @param vkeys keys beside that of the file of which one may have signed it
   * @throws {MoveRefused} if the release is not of what was received
   */
  async begin(
    nameOrId: string,
    release: string,
    vkeys: readonly string[],
  ): Promise<{ readonly zoneId: string }> {
    return onLongConnection(this.env, (client) =>
      inTransaction(client, async () => {
        const zone = await takeZone(client, nameOrId);
        const { move, digest, vkey, peer } = arrivingIn(zone.away);
        const of = { zoneId: zone.id, move, digest: digest ?? '' };
        const fault = faultOfMove(release, 'released', of, [vkey, ...vkeys]);
        if (fault !== null) throw new MoveRefused(`the release does not count: ${fault}`);
        await setAway(client, zone.id, null);
        await recordMove(client, zone.id, 'zone.received', {
          zone: { id: zone.id, name: zone.name },
          from: peer,
          move,
          sha256: digest,
        });
        return { zoneId: zone.id };
      }),
    );
  }

  /** Forgets a zone that was received and is not served; what of its log is here stays. @throws {MoveRefused} */
  async discard(nameOrId: string): Promise<{ readonly zoneId: string }> {
    return onLongConnection(this.env, (client) =>
      inTransaction(client, async () => {
        await client.query(RECEIVING);
        const { id, name, away } = await takeZone(client, nameOrId);
        const { move, peer } = arrivingIn(away);
        await forgetArriving(client, id);
        await recordMove(client, NO_ZONE, 'zone.discarded', {
          zone: { id, name },
          from: peer,
          move,
        });
        return { zoneId: id };
      }),
    );
  }

  private async receiptOf(zoneId: string, { move, digest }: Away): Promise<ReceivedZone> {
    const { signer } = await this.checkpointKeys.signer();
    const of = { zoneId, move, digest: digest ?? '' };
    return { zoneId, receipt: signMove('received', of, signer) };
  }

  private async checkManifest({ schema, checkpoint }: Manifest, vkey: string): Promise<void> {
    const own = await schemaOf(this.dataSource);
    if (schema !== own) {
      throw new MoveRefused(
        `the installations are of different versions: ${own} here, ${schema} there`,
      );
    }
    const key = parseVkey(vkey);
    const opened = openNote(checkpoint.note, key === null ? [] : [key]);
    if (!opened.isValid) {
      throw new BrokenFile(`its last checkpoint does not count: ${opened.reason}`);
    }
    if (parseCheckpoint(checkpoint.body) === null) {
      throw new BrokenFile('its last checkpoint is none');
    }
  }
}

/** @throws {MoveRefused} */
function arrivingIn(away: Away | null): Away {
  if (away?.state === 'arriving') return away;
  throw new MoveRefused(away === null ? 'the zone is served here already' : whereItIs(away));
}

async function nextLine(lines: AsyncGenerator<string>): Promise<string> {
  const next = await lines.next();
  if (next.done === true) throw new BrokenFile('the file is empty');
  return next.value;
}

const USED = 'the key that it is sealed for was used';
/** What is written is no news (delegation/graph.sql). */
const RECEIVING = `SELECT set_config('mandate.receiving', 'on', true)`;
