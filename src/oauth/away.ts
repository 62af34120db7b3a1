import { NotServedHere } from './not-served-here.js';

/**
 * Why a zone is not served by an installation:
 * - `sending`: what it has is being sent to another one; it is served here again if that is given up;
 * - `moved`: another one has received it, and it is never served here again;
 * - `arriving`: it was received from another one, which has not said yet that it has ended it.
 *
 * As it is stored in `zones.away`.
 */
export interface Away {
  readonly state: 'sending' | 'moved' | 'arriving';
  /** The id of this move: what is sent once more is another one. */
  readonly move: string;
  /** Since when, RFC 3339. */
  readonly since: string;
  /** `ISSUER_URL` of the other installation. */
  readonly peer: string;
  /** The key that the other installation signs with (C2SP signed-note). */
  readonly vkey: string;
  /** SHA-256 of what is sent, in base64; `null` as long as that is not whole. */
  readonly digest: string | null;
}

/** Whether another installation says what can be read of a zone by anybody. While it is sent nothing of that changes, so it is said here. */
export function isElsewhere(away: Away | null): away is Away {
  return away !== null && away.state !== 'sending';
}

/** The same in words for operators. */
export function whereItIs({ state, peer, since }: Away): string {
  if (state === 'sending') return `the zone is being sent to ${peer} since ${since}`;
  if (state === 'moved') return `the zone has moved to ${peer} at ${since}`;
  return `the zone was received from ${peer} at ${since}, and is not released there yet`;
}

/** Seconds after which whoever asks for a zone that is on its way may ask again. */
const ON_ITS_WAY_SECONDS = 5;
const MOVED_SECONDS = 60;

/**
 * What is answered to whoever asks for a zone that is not served here.
 *
 * @param installation `ISSUER_URL` of this installation: where the other one has the same, what leads there is not ours to say
 */
export function notServedHere({ state, peer }: Away, installation: string): NotServedHere {
  if (state === 'sending') {
    return new NotServedHere('the zone is being moved to another installation', ON_ITS_WAY_SECONDS);
  }
  if (state === 'arriving') {
    return new NotServedHere('the zone is not served here yet', ON_ITS_WAY_SECONDS);
  }
  const base = peer === installation ? null : peer;
  return new NotServedHere(
    base === null ? 'the zone has moved' : `the zone has moved to ${base}`,
    MOVED_SECONDS,
    base,
  );
}
