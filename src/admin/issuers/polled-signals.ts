import { UnprocessableEntityException } from '@nestjs/common';
import { readFetchUrl, type FetchRules } from '../../platform/outbound/fetch-rules.js';
import type { Sealing } from '../../sealing/sealing.service.js';

/** Where the shared signals of an issuer are fetched, and with which token, sealed. */
export interface Polling {
  readonly ssfPollUrl: string | null;
  readonly sealedSsfPollToken: Buffer | null;
}

/** The same as it arrives. */
export interface PollingBody {
  readonly ssf_poll_url?: string;
  readonly ssf_poll_token?: string | null;
}

/**
 * Reads where the shared signals of an issuer are fetched (RFC 8936).
 *
 * @param before what is there now: its token stays if nothing is said of it and it goes to the same place, since nobody who
 *   reads the issuer and writes it back has got it
 * @param rules what they may be fetched by
 * @throws {UnprocessableEntityException}
 */
export async function readPolling(
  { zoneId, id }: { readonly zoneId: string; readonly id: string },
  { ssf_poll_url: url, ssf_poll_token: token }: PollingBody,
  before: Polling | null,
  sealing: Sealing,
  rules: FetchRules,
): Promise<Polling> {
  if (url === undefined) {
    if (typeof token !== 'string') return { ssfPollUrl: null, sealedSsfPollToken: null };
    throw new UnprocessableEntityException('ssf_poll_token: there is no ssf_poll_url');
  }
  const target = readFetchUrl(url, rules);
  if (typeof target === 'string') throw new UnprocessableEntityException(`ssf_poll_url: ${target}`);
  if (token === undefined && before?.ssfPollUrl === url) {
    return { ssfPollUrl: url, sealedSsfPollToken: before.sealedSsfPollToken };
  }
  if (typeof token !== 'string') return { ssfPollUrl: url, sealedSsfPollToken: null };
  const sealed = await sealing.seal({ purpose: 'ssf-poll-token', zoneId, id }, Buffer.from(token));
  return { ssfPollUrl: url, sealedSsfPollToken: sealed };
}
