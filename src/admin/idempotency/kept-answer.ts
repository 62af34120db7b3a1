import { randomBytes } from 'node:crypto';
import { HttpException } from '@nestjs/common';
import type { Response } from 'express';
import { decrypt, encrypt } from '../../sealing/aes-gcm.js';
import type { KeyedRequest } from './keyed-request.js';

/** The headers of an answer that are kept with it. */
const HEADERS = ['ETag', 'Location', 'Cache-Control', 'Preference-Applied'] as const;
/** The largest answer that is kept, in bytes of JSON. */
const MAX_BYTES = 256 * 1_024;
/** Bytes of the key that one answer is encrypted with. */
const KEY_BYTES = 32;

/** What a request was answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent if there is none. */
  readonly body?: unknown;
}

/** Draws a key for one answer, which is sealed before there is an answer: a KMS may be slow, and a change waits for nobody. */
export function drawAnswerKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** What a handler has answered, before it is sent. */
export function answerOf(response: Response, body: unknown): Answer {
  const headers = HEADERS.flatMap((name) => {
    const value = response.getHeader(name);
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return {
    status: response.statusCode,
    headers: Object.fromEntries(headers),
    ...(body === undefined ? {} : { body }),
  };
}

/** Encrypts an answer. @returns `null` if it is too large to be kept */
export function encryptAnswer(key: Buffer, request: KeyedRequest, answer: Answer): Buffer | null {
  const plaintext = Buffer.from(JSON.stringify(answer));
  try {
    if (plaintext.length > MAX_BYTES) return null;
    return encrypt(key, associatedData(request), plaintext);
  } finally {
    plaintext.fill(0);
  }
}

/** Decrypts what {@link encryptAnswer} made. @throws {NotAuthentic} if it is not what was made for this request */
export function decryptAnswer(key: Buffer, request: KeyedRequest, encrypted: Buffer): Answer {
  const plaintext = decrypt(key, associatedData(request), encrypted);
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is authentic, so it is what was kept
    return JSON.parse(plaintext.toString()) as Answer;
  } finally {
    plaintext.fill(0);
  }
}

/** Answers once more what was answered before. @returns the body */
export function replay(response: Response, { status, headers, body }: Answer): unknown {
  response.status(status).set(headers).set('Idempotency-Replayed', 'true');
  return body;
}

/** 409: a request with this key is worked on. */
export function underWay(): HttpException {
  const message = 'a request with this Idempotency-Key is under way: try again in a moment';
  return new HttpException({ message, code: 'idempotency_key_in_use' }, 409);
}

/** 422: the key belongs to another request. */
export function reused(): HttpException {
  const message = 'the Idempotency-Key was sent with another body or query before';
  return new HttpException({ message, code: 'idempotency_key_reused' }, 422);
}

/** 409: it was done, and what was answered is not known any more. */
export function answerLost(requestId: string): HttpException {
  const message = 'it was carried out, and its answer was not kept: done.request_id names it';
  const done = { request_id: requestId };
  return new HttpException({ message, code: 'idempotency_answer_lost', done }, 409);
}

function associatedData({ zoneId, id, fingerprint }: KeyedRequest): Buffer {
  return Buffer.from(
    JSON.stringify(['idempotent-answer', zoneId, id, fingerprint.toString('hex')]),
  );
}
