import { BadRequestException, UnprocessableEntityException } from '@nestjs/common';
import {
  NAMED_TARGETS,
  targetKey,
  type RevocationTarget,
} from '../../issuer/revocation/revocation-target.js';
import {
  InvalidJson,
  isJsonObject,
  readStrictJson,
  type JsonValue,
} from '../../oauth/strict-json.js';
import type { RevocationTargetBody } from './revocation.body.js';

/**
 * The one target that a body names.
 *
 * @throws {HttpException} 400 unless it names exactly one; 422 for what there is nothing of
 */
export function readTarget(body: RevocationTargetBody): RevocationTarget {
  const given = Object.entries(body).filter(([, value]) => value !== undefined);
  if (given.length !== 1) throw new BadRequestException('target must have exactly one member');
  if (body.grant_id !== undefined) throw new UnprocessableEntityException('there are no grants');
  if (body.zone === true) return { kind: 'zone' };
  if (body.subject !== undefined) {
    const { sub, iss } = body.subject;
    if (iss === undefined) {
      const why = 'a subject without iss is an application: it is taken back by client_id';
      throw new UnprocessableEntityException(why);
    }
    return { kind: 'subject', subject: { sub, iss } };
  }
  const kind = NAMED_TARGETS.find((name) => body[name] !== undefined);
  const name = kind === undefined ? undefined : body[kind];
  if (kind === undefined || name === undefined) throw new BadRequestException('target is empty');
  return { kind, name };
}

/**
 * What orders of a target are found by, whether or not there can be any.
 *
 * @param text the target as JSON, as in an order
 * @throws {BadRequestException} if it is none
 */
export function readTargetKey(text: string): Buffer {
  const target = isTarget(parse(text));
  if (target === null) throw new BadRequestException('target must be JSON as in an order');
  return targetKey(target);
}

function parse(text: string): JsonValue | null {
  try {
    return readStrictJson(text);
  } catch (error) {
    if (error instanceof InvalidJson) return null;
    throw error;
  }
}

function isTarget(value: JsonValue | null): RevocationTarget | null {
  if (value === null || !isJsonObject(value)) return null;
  const [[member, name] = [], ...more] = Object.entries(value);
  if (more.length > 0) return null;
  if (member === 'zone' && name === true) return { kind: 'zone' };
  if (member === 'subject' && name !== undefined && isJsonObject(name)) {
    const { sub, iss } = name;
    const named = typeof sub === 'string' && typeof iss === 'string';
    return named ? { kind: 'subject', subject: { sub, iss } } : null;
  }
  const kind = NAMED_TARGETS.find((one) => one === member);
  return kind === undefined || typeof name !== 'string' ? null : { kind, name };
}
