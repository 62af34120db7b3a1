import { BadRequestException, Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { issuersAt } from '../../zones/zone-issuer.js';
import { Receivers, streamOf, type Receiver } from './receivers.service.js';
import { withoutIssuer } from './security-event-token.js';
import type { SubjectBody } from './stream.body.js';
import { readSubject } from './subject-identifier-formats.js';

/** The most subjects that a receiver takes off its stream. */
const MAX_SUBJECTS = 10_000;

/** Whom the events on a stream are about: a receiver takes subjects off, and puts them back (OpenID SSF 1.0 8.1.3). */
@Injectable()
export class StreamSubjects {
  constructor(
    private readonly receivers: Receivers,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Puts a subject back on a stream. All are on it that were not taken off. */
  async add(request: Request, body: SubjectBody): Promise<void> {
    await this.change(request, 'ssf_stream.subject_added', body, (tx, key) =>
      tx.query(
        `DELETE FROM ssf_subjects
          WHERE zone_id = $1 AND stream_id = $2 AND digest = ssf_subject_digest($3::jsonb)`,
        key,
      ),
    );
  }

  /** Takes a subject off a stream: nothing that is about it is put there from now on. */
  async remove(request: Request, body: SubjectBody): Promise<void> {
    await this.change(request, 'ssf_stream.subject_removed', body, async (tx, key) => {
      const [row] = await tx.query<{ full: boolean }[]>(
        'SELECT count(*) >= $3 AS full FROM ssf_subjects WHERE zone_id = $1 AND stream_id = $2',
        [...key.slice(0, 2), MAX_SUBJECTS],
      );
      if (row?.full === true) {
        throw new BadRequestException(`no more than ${MAX_SUBJECTS} subjects can be taken off`);
      }
      await tx.query(
        `INSERT INTO ssf_subjects (zone_id, stream_id, digest, subject)
         VALUES ($1, $2, ssf_subject_digest($3::jsonb), $3::jsonb) ON CONFLICT DO NOTHING`,
        key,
      );
    });
  }

  private async change(
    request: Request,
    type: string,
    { stream_id: id, subject: given }: SubjectBody,
    run: (tx: Receiver['tx'], key: readonly [string, string, string]) => Promise<unknown>,
  ): Promise<void> {
    await this.receivers.change(request, type, async (receiver) => {
      const { zone, tx } = receiver;
      const stream = await streamOf(receiver, id);
      const subject = readSubject(given);
      if (typeof subject === 'string') throw new BadRequestException(subject);
      const { issuer, formerIssuer } = issuersAt(zone, this.clock.now());
      const issuers = formerIssuer === null ? [issuer] : [issuer, formerIssuer];
      const stored = JSON.stringify(withoutIssuer(subject, issuers));
      await run(tx, [zone.zoneId, stream.id, stored]);
      return { result: undefined, details: { stream_id: stream.id, subject } };
    });
  }
}
