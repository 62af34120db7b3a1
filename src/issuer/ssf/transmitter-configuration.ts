import { POLL, PUSH } from './stream.js';

/** What receivers are told of a transmitter (OpenID SSF 1.0 7.1). */
export interface TransmitterConfiguration {
  readonly spec_version: string;
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly delivery_methods_supported: readonly string[];
  readonly configuration_endpoint: string;
  readonly status_endpoint: string;
  readonly add_subject_endpoint: string;
  readonly remove_subject_endpoint: string;
  readonly verification_endpoint: string;
  readonly authorization_schemes: readonly { readonly spec_urn: string }[];
  readonly default_subjects: string;
}

/**
 * The metadata of a transmitter of shared signals (OpenID SSF 1.0 7.1; what the CAEP Interoperability Profile 2.3 asks
 * for is all there).
 *
 * @param issuer the `iss` of its events
 * @param ssf where its endpoints are: the identifier of the system resource
 */
export function transmitterConfiguration(issuer: string, ssf: string): TransmitterConfiguration {
  const zoneUrl = ssf.slice(0, ssf.lastIndexOf('/'));
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${zoneUrl}/.well-known/jwks.json`,
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: `${ssf}/streams`,
    status_endpoint: `${ssf}/status`,
    add_subject_endpoint: `${ssf}/subjects:add`,
    remove_subject_endpoint: `${ssf}/subjects:remove`,
    verification_endpoint: `${ssf}/verify`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
    default_subjects: 'ALL',
  };
}
