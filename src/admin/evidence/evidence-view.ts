import { BadRequestException, ConflictException, NotFoundException } from '@nestjs/common';
import type { Response } from 'express';
import type { CheckpointKey } from '../../evidence/checkpoint-keys.service.js';
import type {
  Growth,
  Missing,
  ProvedEvent,
  SignedCheckpoint,
  ZoneCheckpoint,
} from '../../evidence/evidence.service.js';
import type { Page } from '../pagination.js';

/** A signed checkpoint of the installation, as it is shown. */
export interface CheckpointView {
  /** Leaves of its log: checkpoints of zones. */
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly at: Date;
  /** The signed note (C2SP tlog-checkpoint). */
  readonly note: string;
  /** What witnesses have signed of it: lines that may stand below the note (C2SP tlog-cosignature). */
  readonly cosignatures: readonly string[];
}

/** A checkpoint of a zone, as it is shown. */
export interface ZoneCheckpointView {
  /** Leaves of its log: events. */
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly at: Date;
  /** Its text (C2SP tlog-checkpoint), which is a leaf of the installation's log. */
  readonly body: string;
  /** That it is, in a signed checkpoint (C2SP tlog-proof). */
  readonly proof: string;
}

/** An event and what proves it, as it is shown. */
export interface ProvedEventView {
  readonly id: string;
  readonly writer: string;
  readonly seq: number;
  /** What was hashed, exactly. */
  readonly text: string;
  /** The hash of the event before it in its chain, and SHA-256 of that and the text, both in hex. */
  readonly previous_hash: string;
  readonly hash: string;
  /** Which leaf of the zone's log it is: what the leaf holds is `hash`. */
  readonly leaf: number;
  /** The inclusion proof (RFC 9162 section 2.1.3), base64. */
  readonly inclusion: readonly string[];
  readonly checkpoint: ZoneCheckpointView;
}

/** That a log grew, as it is shown. */
export interface GrowthView {
  readonly from: { readonly size: number; readonly root: string };
  readonly to: { readonly size: number; readonly root: string };
  /** The consistency proof (RFC 9162 section 2.1.4), base64. */
  readonly consistency: readonly string[];
}

/** A key of checkpoints, as it is shown. */
export interface CheckpointKeyView {
  readonly id: string;
  /** The public key (C2SP signed-note). */
  readonly vkey: string;
  /** Whether it signs, or verifies what it has signed. */
  readonly state: 'signing' | 'verifying';
  readonly created_at: Date;
}

export function checkpointView(checkpoint: SignedCheckpoint): CheckpointView {
  const { size, root, at, note, cosignatures } = checkpoint;
  return { size, root: root.toString('base64'), at, note, cosignatures };
}

export function zoneCheckpointView(checkpoint: ZoneCheckpoint): ZoneCheckpointView {
  const { size, root, at, body, proof } = checkpoint;
  return { size, root: root.toString('base64'), at, body, proof };
}

export function provedEventView(event: ProvedEvent): ProvedEventView {
  const { id, writer, seq, text, leaf } = event;
  return {
    id,
    writer,
    seq,
    text,
    previous_hash: event.previousHash.toString('hex'),
    hash: event.hash.toString('hex'),
    leaf,
    inclusion: event.hashes.map((hash) => hash.toString('base64')),
    checkpoint: zoneCheckpointView(event.checkpoint),
  };
}

export function growthView({ from, to, hashes }: Growth): GrowthView {
  return {
    from: { size: from.size, root: from.root.toString('base64') },
    to: { size: to.size, root: to.root.toString('base64') },
    consistency: hashes.map((hash) => hash.toString('base64')),
  };
}

export function keyView({ id, vkey, createdAt }: CheckpointKey, isNewest: boolean) {
  const state: CheckpointKeyView['state'] = isNewest ? 'signing' : 'verifying';
  return { id, vkey, state, created_at: createdAt } satisfies CheckpointKeyView;
}

/** A page of checkpoints: the next begins after the smallest of these, if there may be more. */
export function pageOf<T extends { readonly size: number }>(
  items: readonly T[],
  limit: number,
): Page<T> {
  const last = items.at(-1);
  return { items, ...(items.length < limit || last === undefined ? {} : { next: `${last.size}` }) };
}

/**
 * What was asked for, if it is there.
 *
 * @param seconds after which it makes sense to ask again for what is in no checkpoint yet (`Retry-After`)
 * @throws {NotFoundException} if it never was
 * @throws {ConflictException} if it is in no signed checkpoint yet
 */
export function present<T extends object>(
  value: T | Missing,
  what: string,
  response: Response,
  seconds: number,
): T {
  if (value === 'unknown') throw new NotFoundException(`no such ${what}`);
  if (value === 'not yet') {
    response.setHeader('Retry-After', String(seconds));
    throw new ConflictException(`the ${what} is in no signed checkpoint yet`);
  }
  return value;
}

/** @throws {BadRequestException} if a log is asked to have shrunk */
export function refuseShrinking({ from, to }: { from: number; to: number }): void {
  if (from <= to) return;
  const message = 'to must not be less than from';
  const errors = [{ field: 'to', message, code: 'less_than_from' }];
  throw new BadRequestException({ message: [message], errors });
}
