import { LONGEST_LIFE } from '../../keys/rotation/key-schedule.js';
import type { Delegated } from './delegate.js';

/** Lifetimes in seconds, by what the mandate is for. A key stays published for the longest of them. */
const LIFETIMES = {
  session: { default: 900, cap: LONGEST_LIFE },
  resource: { default: 900, cap: 900 },
} as const;

/** The longest life that may be asked for, in seconds. */
export function lifetimeCap({
  principals,
  agency,
}: Pick<Delegated, 'principals' | 'agency'>): number {
  const { cap } = LIFETIMES[principals.use];
  return Math.min(cap, agency?.edge?.constraints.ttl_seconds ?? cap);
}

/** The life that is asked for, in seconds; everything else can only shorten it. */
export function lifetimeAsked(request: Pick<Delegated, 'asked' | 'principals' | 'agency'>): number {
  const { asked, principals } = request;
  return asked.ttlSeconds ?? Math.min(LIFETIMES[principals.use].default, lifetimeCap(request));
}
