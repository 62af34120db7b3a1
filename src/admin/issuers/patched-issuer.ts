import { isJsonObject, type JsonValue } from '../../oauth/strict-json.js';
import type { TrustedIssuerRow } from '../../zones/issuers/trusted-issuer.entity.js';
import { mergePatch } from '../merge-patch.js';
import { toView } from './issuer-view.js';
import type { IssuerRegistration } from './issuer-registration.js';
import type { IssuerChangeBody } from './issuer.body.js';
import type { PollingBody } from './polled-signals.js';

/**
 * What an issuer is registered with after a merge patch (RFC 7396), as if all of it had arrived.
 *
 * @param patch checked member by member, as what is registered was before: so is what comes of them
 */
export function patchedIssuer(
  row: TrustedIssuerRow,
  patch: IssuerChangeBody,
): IssuerRegistration & PollingBody {
  const { ssf_poll_token: token, ...rest } = patch;
  const given = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== undefined),
  ) as Record<string, JsonValue>;
  // An issuer has keys of one kind: those that are given replace those that there are.
  if (isGiven(given['jwks_uri'])) given['jwks'] ??= null;
  if (isGiven(given['jwks'])) given['jwks_uri'] ??= null;
  const { id: _id, created_at: _at, updated_at: _changed, ...registered } = toView(row);
  const { has_ssf_poll_token: _has, ...body } = registered;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a view is what is answered as JSON
  const merged = mergePatch(body as unknown as JsonValue, given);
  if (!isJsonObject(merged)) throw new Error('an object patched by an object is one');
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both were checked, member by member
    ...(merged as unknown as IssuerRegistration & PollingBody),
    ...(token === undefined ? {} : { ssf_poll_token: token }),
  };
}

const isGiven = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;
