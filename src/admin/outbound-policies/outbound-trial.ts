import { FetchFailed, resolve } from '../../platform/outbound/guarded-request.js';
import {
  readFetchUrl,
  refusedAddresses,
  type FetchRules,
} from '../../platform/outbound/fetch-rules.js';
import type { Operator } from '../operators/operator.js';

/** Milliseconds for the name. */
const RESOLVE_MS = 2_000;

/** What would come of an outbound request that is not made. */
export interface OutboundTrialView {
  /** Whether it would be made. */
  readonly allowed: boolean;
  /** Why it would not; absent if it would. */
  readonly reason?: string;
  /**
   * The addresses that its name leads to at the moment; absent if the URL alone is refused, or the name leads nowhere, and
   * for an operator of some zones.
   */
  readonly addresses?: readonly string[];
  /** The policies that were asked, by name. */
  readonly policies: readonly string[];
}

/**
 * Judges an outbound request as if it were to be made. The name in it is resolved, and nothing is sent.
 *
 * @param asks an operator of some zones is not told what names mean inside of the installation's network
 */
export async function tryOutbound(
  text: string,
  rules: FetchRules,
  { zones }: Pick<Operator, 'zones'>,
): Promise<OutboundTrialView> {
  const policies = (rules.policies ?? []).map(({ name }) => name);
  const url = readFetchUrl(text, rules);
  if (typeof url === 'string') return { allowed: false, reason: url, policies };
  try {
    const found = await resolve(url.hostname, AbortSignal.timeout(RESOLVE_MS));
    const addresses = found.map(({ address }) => address);
    const reason = refusedAddresses(addresses, rules);
    return {
      allowed: reason === null,
      ...(reason === null ? {} : { reason }),
      ...(zones === null ? { addresses } : {}),
      policies,
    };
  } catch (error) {
    const reason = error instanceof FetchFailed ? error.message : 'the name cannot be resolved';
    return { allowed: false, reason, policies };
  }
}
