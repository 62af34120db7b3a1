import { expect, test } from 'vitest';
import { transmitterConfiguration } from './transmitter-configuration.js';

test('has what the CAEP Interoperability Profile requires, below the zone', () => {
  const at = 'https://sts.example/zones/z';
  expect(transmitterConfiguration(at, `${at}/ssf`)).toEqual({
    spec_version: '1_0',
    issuer: at,
    jwks_uri: `${at}/.well-known/jwks.json`,
    delivery_methods_supported: ['urn:ietf:rfc:8935', 'urn:ietf:rfc:8936'],
    configuration_endpoint: `${at}/ssf/streams`,
    status_endpoint: `${at}/ssf/status`,
    add_subject_endpoint: `${at}/ssf/subjects:add`,
    remove_subject_endpoint: `${at}/ssf/subjects:remove`,
    verification_endpoint: `${at}/ssf/verify`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
    default_subjects: 'ALL',
  });
});
