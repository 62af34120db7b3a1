import { POLL, PUSH } from './stream.js';

/**
 * The metadata of a transmitter of shared signals (OpenID SSF 1.0 7.1; what the CAEP Interoperability Profile 2.3 asks
 * for is all there).
 *
 * @param issuer the `iss` of its events
 * @param ssf where its endpoints are: the identifier of the system resource
 */
export function transmitterConfiguration(issuer: string, ssf: string) {
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
