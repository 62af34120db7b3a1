import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import type { Connection } from './connection.js';

/** What OpenSSL says of a certificate that it does not trust. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Says why there is no answer.
 *
 * @param thrown what `fetch` threw
 * @param changes whether the request was to change something, which then may have happened
 */
export function outOfReach(
  thrown: unknown,
  { url, from }: Pick<Connection, 'url' | 'from'>,
  changes: boolean,
): CommandFailure {
  const codes = codesOf(thrown);
  const has = (...wanted: readonly string[]): boolean =>
    wanted.some((code) => codes.includes(code));
  const fail = (message: string, hint: string | null = null): CommandFailure =>
    new CommandFailure(EXIT.impossible, message, hint, { cause: thrown });
  const { hostname } = new URL(url);
  if (has('ECONNREFUSED')) {
    return fail(
      `nobody answers at ${url} (from ${from})`,
      'is it running? Another one is named by --server or MANDATE_URL; mandate dev starts one here',
    );
  }
  if (has('ENOTFOUND')) return fail(`there is no host ${hostname} (from ${from})`);
  if (has('EAI_AGAIN')) return fail(`no name server says where ${hostname} is`, 'try again later');
  if (has('EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT')) {
    return fail(`there is no way to ${url} (from ${from})`, 'is a firewall or a VPN between?');
  }
  if (codes.some((code) => UNTRUSTED.has(code))) {
    return fail(
      `the certificate of ${url} is from nobody who is trusted here`,
      'NODE_EXTRA_CA_CERTS=FILE names a file of further certificate authorities (PEM)',
    );
  }
  if (has('CERT_HAS_EXPIRED')) return fail(`the certificate of ${url} has expired`);
  if (has('CERT_NOT_YET_VALID'))
    return fail(`the certificate of ${url} is not valid yet`, 'is the clock here right?');
  if (has('ERR_TLS_CERT_ALTNAME_INVALID'))
    return fail(`the certificate of ${url} is for another host than ${hostname}`);
  if (codes.some((code) => code.startsWith('ERR_SSL_') || code === 'EPROTO')) {
    return fail(`${url} does not speak TLS`, 'is it http:// that is meant?');
  }
  const outcome = changes ? 'it may have been done or not: look before you do it again' : null;
  if (has('TimeoutError')) return fail(`${url} did not answer in time`, outcome);
  return fail(`the connection to ${url} ended before the answer`, outcome);
}

/** The codes and names of an error and of what caused it. */
function codesOf(thrown: unknown): string[] {
  if (!(thrown instanceof Error)) return [];
  const code: unknown = Reflect.get(thrown, 'code');
  const parts: unknown = Reflect.get(thrown, 'errors');
  return [
    thrown.name,
    ...(typeof code === 'string' ? [code] : []),
    ...(Array.isArray(parts) ? parts.flatMap(codesOf) : []),
    ...codesOf(thrown.cause),
  ];
}
