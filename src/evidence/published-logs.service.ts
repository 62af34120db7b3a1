import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { OPERATORS_READING } from '../platform/database/operators-connections.js';
import { cutTile, tileWidth, type AskedTile } from '../transparency-log/tile-path.js';
import { parseTlogProof, formatTlogProof } from '../transparency-log/tlog-proof.js';
import { Evidence } from './evidence.service.js';
import { tilesAt } from './log-rows.js';
import { INSTALLATION_LOG } from '../audit/installation-log.js';

/**
 * The logs as files that programs of others read (C2SP tlog-tiles): the newest checkpoint, and tiles. Nothing is given out that
 * is in no signed checkpoint, since it could still become something else; so what was given out stays what it is.
 */
@Injectable()
export class PublishedLogs {
  constructor(
    @InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource,
    private readonly evidence: Evidence,
  ) {}

  /** The newest checkpoint of the installation, a signed note with what witnesses have signed. Null before the first one. */
  async checkpoint(): Promise<string | null> {
    const [newest] = await this.evidence.checkpoints(1);
    return newest === undefined ? null : [newest.note, ...newest.cosignatures].join('');
  }

  /**
   * The newest checkpoint of a zone with what proves it: a tlog-proof whose extra data is the text of the checkpoint, which is
   * the leaf that is proved. Null before the first one.
   */
  async zoneCheckpoint(zoneId: string): Promise<string | null> {
    const [newest] = await this.evidence.zoneCheckpoints(zoneId, 1);
    const proof = newest === undefined ? null : parseTlogProof(newest.proof);
    if (newest === undefined || proof === null) return null;
    return formatTlogProof({ ...proof, extra: Buffer.from(newest.body) });
  }

  /**
   * Hashes of a tile, one behind the other: as many as were asked for. Null if the tree has not so many there in its last
   * signed checkpoint.
   *
   * @param zoneId absent: of the log of the installation
   */
  async tile(asked: AskedTile, zoneId?: string): Promise<Buffer | null> {
    const size = await this.evidence.signedSize(zoneId);
    if (tileWidth(asked, size) < asked.width) return null;
    const tiles = await tilesAt(this.dataSource, zoneId ?? INSTALLATION_LOG, [asked]);
    const hashes = tiles.at(asked)?.hashes;
    return hashes === undefined ? null : cutTile(hashes, asked.width);
  }
}
