import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { unavailable } from '../../oauth/errors.js';
import type { CompiledPolicySet } from '../../policy/engine/compile.js';
import type { Verdict } from '../../policy/engine/evaluate.js';
import type { JsonObject, PolicyInput } from '../../policy/engine/input.js';
import type { ClientView } from '../../zones/clients/client-view.js';
import { resourceInput } from '../../zones/snapshot/resource-input.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';

/** Decides inputs by one compiled set. */
export type Decide = (
  zoneId: string,
  compiled: CompiledPolicySet,
  inputs: readonly PolicyInput[],
) => Promise<readonly Verdict[]>;

/**
 * The targets of a mandate that policy lets a client know of. To introspect is permitted: only forbids are asked whose
 * head names `Action::"Introspect"`, each about one resource, and one that errs forbids. Where none is written, as in most
 * zones, nothing is asked.
 *
 * @param known those that it may know of but for policy
 * @throws {OAuthError} temporarily_unavailable where the zone's policy cannot be used: what it forbids is not known then
 * @throws {BackgroundFailure} if there was no time for the decision
 */
export async function notForbidden(
  { zone, client }: { readonly zone: ZoneSnapshot; readonly client: ClientView },
  claims: MandateClaims,
  known: readonly string[],
  decide: Decide,
): Promise<readonly string[]> {
  const { policy, zoneId, resources } = zone;
  if (policy.status === 'broken') throw unavailable(`the policy of the zone: ${policy.problem}`);
  const forbids = policy.status === 'ready' ? policy.compiled.ofIntrospection : null;
  if (forbids === null) return known;
  const views = known.flatMap((identifier) => resources.get(identifier) ?? []);
  const shared = sharedInput(zoneId, client, claims);
  const verdicts = await decide(
    zoneId,
    forbids,
    views.map((view) => ({ ...shared, resource: resourceInput(view) })),
  );
  if (verdicts.length !== views.length) throw new Error('not as many verdicts as resources');
  const forbidden = new Set(
    views.filter((_, n) => isForbidden(verdicts[n])).map(({ identifier }) => identifier),
  );
  return known.filter((identifier) => !forbidden.has(identifier));
}

/** Nothing permits in a set of forbids, so what counts is whether one of them was met, or could not be looked at. */
function isForbidden(verdict: Verdict | undefined): boolean {
  return (
    verdict === undefined ||
    verdict.evaluationStatus === 'error' ||
    verdict.determiningPolicies.length > 0
  );
}

function sharedInput(
  zoneId: string,
  client: ClientView,
  claims: MandateClaims,
): Omit<PolicyInput, 'resource'> {
  return {
    schema_version: '1',
    principal: {
      type: 'Application',
      id: client.id,
      zone_id: zoneId,
      registration_method: client.registrationMethod,
      labels: [...new Set(client.labels)],
      groups: [...client.groups],
    },
    action: { id: 'Introspect' },
    session: { id: claims.sid },
    context: {
      actor_claims: { client_id: client.id },
      subject_claims: subjectClaims(claims),
      requested_scopes: [...claims.scope],
      challenge_resolved: false,
      session_id: claims.sid,
    },
  };
}

function subjectClaims(claims: MandateClaims): JsonObject {
  const { subIss = claims.iss, subLabels, acr, amr, authTime } = claims;
  return {
    iss: subIss,
    sub: claims.sub,
    sub_type: claims.subType,
    client_id: claims.clientId,
    jti: claims.jti,
    zone_id: claims.zoneId,
    use: claims.use,
    scope: claims.scope.join(' '),
    target: [...claims.target],
    sid: claims.sid,
    root_sid: claims.rootSid,
    iat: claims.iat,
    exp: claims.exp,
    ...(subLabels === undefined ? {} : { labels: [...subLabels] }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr: [...amr] }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}
