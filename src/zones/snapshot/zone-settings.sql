-- Milliseconds since the epoch, as a process has them.
CREATE OR REPLACE FUNCTION milliseconds(p_at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT floor(extract(epoch FROM p_at) * 1000)::bigint
$$;

-- Scopes without those that are not in use, in the same order.
CREATE OR REPLACE FUNCTION scopes_without(p_scopes text[], p_inactive text[]) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_scopes && p_inactive
    THEN ARRAY(SELECT u.scope FROM unnest(p_scopes) WITH ORDINALITY AS u (scope, nth) WHERE u.scope <> ALL (p_inactive) ORDER BY u.nth)
    ELSE p_scopes END
$$;

-- The settings of a zone, which a snapshot is made of, at one version: one row, or none. A function, so that its plan is
-- made once for each connection, which takes longer than to read a zone. Bytes in lists are in base64. What is set of
-- the zone itself is one object, so that one setting more needs no function of another name.
CREATE OR REPLACE FUNCTION settings_of_zone(p_zone uuid)
RETURNS TABLE (version text, standard text, bridge text, sealed_digest_key bytea, resources json, issuers json,
               step_up_types json, signing_keys json, policy json, shadow json, own json)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  inactive CONSTANT text[] := ARRAY(SELECT s.name FROM scopes s WHERE s.zone_id = p_zone AND NOT s.active);
BEGIN
  RETURN QUERY
    SELECT z.settings_version::text, z.signing_alg::text, z.previous_signing_alg::text, z.sealed_digest_key,
           coalesce((
             SELECT json_agg(json_build_object(
                      'id', t.id, 'identifier', t.identifier, 'scopes', scopes_without(t.scopes, inactive), 'access', t.access,
                      'upstreamUrl', t.upstream_url, 'ownerClientId', t.owner_client_id, 'operations', t.operations,
                      'signingAlg', t.signing_alg, 'tokenTyp', t.token_typ, 'revocation', t.revocation,
                      'listed', t.listed, 'introspectionClientIds', t.introspection_client_ids,
                      'generation', t.generation, 'detailTypes', t.authorization_details_types))
               FROM resources t WHERE t.zone_id = z.id), '[]'),
           coalesce((
             SELECT json_agg(json_build_object(
                      'issuer', t.issuer, 'jwks', t.jwks, 'jwksUri', t.jwks_uri, 'audiences', t.audiences,
                      'algorithms', t.algorithms, 'tokenTypes', t.token_types, 'claimConditions', t.claim_conditions,
                      'subjectClaim', t.subject_claim, 'labelClaims', t.label_claims,
                      'allowedClientIds', t.allowed_client_ids, 'maxAgeSeconds', t.max_age_seconds,
                      'generation', t.generation, 'notBefore', greatest(
                        taken_back_at(z.id, 'issuer', t.issuer), taken_back_at(z.id, 'zone', z.id::text))))
               FROM trusted_issuers t WHERE t.zone_id = z.id), '[]'),
           coalesce((
             SELECT json_agg(json_build_object(
                      'type', t.type, 'lifetimeSeconds', t.lifetime_seconds, 'satisfiedBy', t.satisfied_by,
                      'quorum', t.quorum, 'requesterMaySatisfy', t.requester_may_satisfy,
                      'subjectMaySatisfy', t.subject_may_satisfy, 'subjectMustSatisfy', t.subject_must_satisfy,
                      'acr', t.acr, 'reuseSeconds', t.reuse_seconds) ORDER BY t.type)
               FROM step_up_types t WHERE t.zone_id = z.id), '[]'),
           -- Of keys that were published long ago nothing is needed any more, and there may be many.
           coalesce((
             SELECT json_agg(json_build_object(
                      'kid', t.kid, 'alg', t.alg, 'publicJwk', t.public_jwk,
                      'sealedPrivateKey', encode(t.sealed_private_key, 'base64'),
                      'sealedSignerHandle', encode(t.sealed_signer_handle, 'base64'),
                      'publishedAt', milliseconds(t.published_at), 'activatesAt', milliseconds(t.activates_at),
                      'retiresAt', milliseconds(t.retires_at), 'expiresAt', milliseconds(t.expires_at),
                      'compromisedAt', milliseconds(t.compromised_at)))
               FROM signing_keys t
              WHERE t.zone_id = z.id AND t.compromised_at IS NULL
                AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp() - interval '1 day')), '[]'),
           policy_set_listed(z.id, z.active_policy_set_version_id),
           policy_set_listed(z.id, z.shadow_policy_set_version_id),
           json_build_object(
             'defaultResources', z.default_resources, 'issuerMode', z.issuer_mode, 'issuerUrl', z.issuer_url,
             'previousIssuer', z.previous_issuer, 'introspectionAudit', z.introspection_audit,
             -- By our own clock, whatever time it is at who reads.
             'previousIssuerFor', milliseconds(z.previous_issuer_until) - milliseconds(clock_timestamp()),
             'generation', z.generation, 'subjectGenerations', z.subject_generations, 'away', z.away,
             'withdrawnPolicies', withdrawn_policies_of(z.id),
             'scopeClaims', (
               SELECT coalesce(json_object_agg(s.name, s.claims), '{}')
                 FROM scopes s WHERE s.zone_id = z.id AND s.active AND s.claims <> '{}'))
      FROM zones z WHERE z.id = p_zone AND z.removed_at IS NULL;
END $$;

-- The same without what is set of the zone itself, for processes of the version before.
CREATE OR REPLACE FUNCTION zone_settings(p_zone uuid)
RETURNS TABLE (version text, standard text, bridge text, sealed_digest_key bytea, resources json, issuers json,
               step_up_types json, signing_keys json, policy json, shadow json)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT z.version, z.standard, z.bridge, z.sealed_digest_key, z.resources, z.issuers, z.step_up_types,
           z.signing_keys, z.policy, z.shadow
      FROM settings_of_zone(p_zone) z;
END $$;
