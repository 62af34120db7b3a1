import { LONGEST_LIFE } from '../../keys/rotation/key-schedule.js';
import type { Authorized } from './authorize.js';

/** Lifetimes in seconds, by what the mandate is for. A key stays published for the longest of them. */
const LIFETIMES = {
  session: { default: 900, cap: LONGEST_LIFE },
  resource: { default: 900, cap: 900 },
} as const;

/** What a life depends on. */
type Granting = Pick<Authorized, 'principals' | 'agency' | 'granted' | 'caller'>;

/**
 * The longest life that may be asked for, in seconds: for several resources that of the one that allows least. One whose
 * verifiers learn of no revocation honours a mandate until it expires, so that is sooner.
 */
export function lifetimeCap({ principals, agency, granted, caller }: Granting): number {
  const { cap } = LIFETIMES[principals.use];
  const expiryOnly =
    principals.use === 'resource' &&
    granted.resources.some(({ revocation }) => revocation === 'expiry');
  return Math.min(
    cap,
    agency?.edge?.constraints.ttl_seconds ?? cap,
    expiryOnly ? caller.zone.expiryOnlySeconds : cap,
  );
}

/** The life that is asked for, in seconds; everything else can only shorten it. */
export function lifetimeAsked(request: Granting & Pick<Authorized, 'asked'>): number {
  const { asked, principals } = request;
  return asked.ttlSeconds ?? Math.min(LIFETIMES[principals.use].default, lifetimeCap(request));
}
