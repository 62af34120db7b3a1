import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { subjectKey } from '../mandates/generations.js';
import { ZoneReads } from '../platform/database/zone-reads.service.js';
import type { ZoneSnapshot } from './snapshot/zone-snapshot.js';

/** How often a subject was taken back, and when that was. */
export interface SubjectGeneration {
  readonly generation: number;
  /** Milliseconds since the epoch; `null` if it never was. */
  readonly notBefore: number | null;
}

const FIRST: SubjectGeneration = { generation: 0, notBefore: null };

/**
 * Finds the generations of subjects whose tokens are not ours, and so say none. A commit compares what was found: a
 * subject that was taken back since makes its entry stale.
 */
@Injectable()
export class SubjectGenerations {
  constructor(
    @InjectDataSource() private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly reads: ZoneReads,
  ) {}

  /**
   * The generation of a subject. Nothing is read in a zone where no subject was ever taken back.
   *
   * @param issuer the trusted issuer whose name `subject` is
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; the driver's error
   */
  async find(
    { zoneId, hasSubjectGenerations }: Pick<ZoneSnapshot, 'zoneId' | 'hasSubjectGenerations'>,
    issuer: string,
    subject: string,
  ): Promise<SubjectGeneration> {
    if (!hasSubjectGenerations) return FIRST;
    const [row = FIRST] = await this.reads.read(zoneId, () =>
      this.dataSource.query<SubjectGeneration[]>(FIND, [zoneId, subjectKey(issuer, subject)]),
    );
    return row;
  }
}

const FIND = `
  SELECT gen AS generation, milliseconds(not_before)::float8 AS "notBefore" FROM generations
   WHERE zone_id = $1 AND kind = 'subject' AND key_hash = decode($2, 'hex')`;
