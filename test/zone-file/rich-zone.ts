import { exportJWK, generateKeyPair } from 'jose';

/** A zone file in which everything is, most of it by name. @param name of the zone */
export async function richZone(name: string): Promise<string> {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = JSON.stringify({
    ...(await exportJWK(publicKey)),
    kid: 'k1',
    use: 'sig',
    alg: 'ES256',
  });
  return `apiVersion: mandate/v1
zone:
  name: ${name}
  display_name: Payments & Co
  languages: [fr, en]
  default_resources: [https://orders.example]
  introspection_audit: refused
  description: Where money moves
  protected: true
  retention: 400
  policy_max_changes: 12
scopes:
  - { name: openid, active: false }
  - { name: orders:read, description: Read orders }
  - { name: profile, claims: [name, email, 'https://example.com/role'] }
  - { name: orders:cancel, active: false }
outbound_policies:
  - name: hooks
    target: webhook_delivery
    allowed_host_patterns: [hooks.example.com, '*.example.org']
    request_timeout_seconds: 5
issuers:
  - issuer: https://idp.example
    jwks: { keys: [${jwk}] }
    audiences: ['\${issuer}', billing]
    token_types: [jwt, client_assertion]
    claim_conditions: { email_verified: [true], groups: [staff, admins] }
    label_claims: [department]
    allowed_clients: [billing, "front \\"desk\\""]
    max_age_seconds: 600
  - issuer: https://other.example
    jwks: { keys: [${jwk}] }
    audiences: ['\${issuer}']
    token_types: [jwt]
    allowed_clients: [workload]
resources:
  - identifier: https://orders.example
    scopes: [orders:write, orders:read]
    display_name: Orders
    scope_descriptions:
      - { scope: orders:write, description: Change orders }
      - { scope: orders:read, description: See orders }
    owner: billing
    introspection_clients: [workload, billing]
    revocation: introspect
    listed: true
  - identifier: https://reports.example
    scopes: []
    access: gateway
    upstream_url: http://reports.internal:8080/
    operations:
      - { method: GET, path: '/reports/{id}', scope: reports:read }
    signing_alg: EdDSA
    authorization_details_types:
      - type: payment
        display: Pay {amount} to {creditor.name}
        members:
          - { name: amount, value: decimal, required: true, narrows: at_most }
          - { name: creditor, value: object, members: [{ name: name, value: string, max_length: 70 }] }
    token_typ: JWT
clients:
  - name: billing
    description: Sends the bills
    labels: [b, a]
    groups: [finance]
    app_id: app-7
    scopes: [orders:write, orders:read]
    audience: [https://orders.example]
    access_token_lifespan: 300
    default_resources: [https://reports.example, https://orders.example]
    introspection_signed_response_alg: EdDSA
    secret: { generate: true }
  - name: front "desk"
    jwks: { keys: [${jwk}] }
    assertion_audience: token_endpoint
    disabled: true
  - name: workload
    workload_identity: { issuer: https://idp.example, subject: 'system:serviceaccount:default:web' }
  - name: federated
    federated_identities:
      - { issuer: https://idp.example, subject: 'repo:a/b' }
      - { issuer: https://idp.example, subject: 'repo:a/c', audience: c }
    ssf: true
step_up_types:
  - type: approval
    satisfied_by: [approver, operator]
    quorum: 2
    requester_may_satisfy: false
  - type: mfa
    lifetime_seconds: 120
    satisfied_by: [webauthn, totp]
    subject_may_satisfy: true
    acr: https://refeds.org/profile/mfa
    reuse_seconds: 60
proof_systems:
  - name: bank
    types: [approval]
webhooks:
  - name: siem
    url: https://hooks.example.com/mandate
    events: [session.ended, challenge.created]
  - name: paused
    url: https://hooks.example.com/other
    enabled: false
policies:
  - name: orders
    text: |
      // Who reads orders.
      @id("read")
      permit (
        principal == Application::"\${client:billing}",
        action == Action::"TokenExchange",
        resource == Resource::"https://orders.example"
      ) when { context has subject_claims && context.subject_claims has iss && context.subject_claims.iss == "\${issuer}" };
  - name: reports
    text: '@id("reports") permit (principal == Application::"\${client:front \\"desk\\"}", action == Action::"TokenExchange", resource == Resource::"https://reports.example");'
  - name: draft
    text: '@id("draft") forbid (principal, action, resource);'
policy_set:
  name: main
  policies: [orders, reports]
`;
}
