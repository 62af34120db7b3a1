import { mayConnectTo } from './address-rules.js';
import {
  limitOf,
  objectionToAddress,
  objectionToUrl,
  type OutboundPolicy,
} from './outbound-policy.js';

/** The URLs and addresses that outbound requests may go to, and how long they may take. */
export interface FetchRules {
  /** Also `http:`, for development. */
  readonly allowInsecure: boolean;
  /** Also addresses of private networks and of this machine. */
  readonly allowPrivate: boolean;
  /** What operators allow of that: each policy has to allow a request. */
  readonly policies?: readonly OutboundPolicy[];
}

const MAX_URL_LENGTH = 2_000;

/**
 * Checks a URL before its name is resolved: https, no credentials, no fragment, at most 2,000 characters, and nothing that
 * a policy has something against.
 *
 * @returns the URL, or a text that says what is wrong with it
 */
export function readFetchUrl(
  text: string,
  { allowInsecure, policies = [] }: FetchRules,
): URL | string {
  if (text.length > MAX_URL_LENGTH || !/^[!-~]+$/.test(text)) return 'it is no URL';
  if (!URL.canParse(text)) return 'it is no URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(allowInsecure && url.protocol === 'http:')) {
    return 'it is not https';
  }
  if (url.username !== '' || url.password !== '') return 'there are credentials in it';
  if (url.hash !== '') return 'there is a fragment in it';
  return objection(policies, (policy) => objectionToUrl(policy, url)) ?? url;
}

/**
 * What rules have against the addresses that a name leads to.
 *
 * @returns a text that says what is wrong with them, or `null`
 */
export function refusedAddresses(
  addresses: readonly string[],
  { allowPrivate, policies = [] }: FetchRules,
): string | null {
  if (!addresses.every((address) => mayConnectTo(address, allowPrivate))) {
    return 'the name leads to an address that is not allowed';
  }
  for (const address of addresses) {
    const refused = objection(policies, (policy) => objectionToAddress(policy, address));
    if (refused !== null) return refused;
  }
  return null;
}

function objection(
  policies: readonly OutboundPolicy[],
  of: (policy: OutboundPolicy) => string | null,
): string | null {
  for (const policy of policies) {
    const why = of(policy);
    if (why !== null) return `the outbound policy ${JSON.stringify(policy.name)} ${why}`;
  }
  return null;
}

/** Milliseconds that a request may take under some rules. @param usual without policies */
export function timeoutUnder({ policies = [] }: FetchRules, usual: number): number {
  return limitOf(usual, policies, ({ requestTimeoutSeconds: seconds }) =>
    seconds === null ? null : seconds * 1_000,
  );
}

/** Bytes of an answer that are read under some rules. @param usual without policies */
export function bytesUnder({ policies = [] }: FetchRules, usual: number): number {
  return limitOf(usual, policies, ({ maxResponseBytes }) => maxResponseBytes);
}
