import type { FederatedToken } from '../../authentication/authenticate-client.js';
import type { IssuerSubject } from '../../zones/issuers/verify-subject-token.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import type { JsonObject } from '../../policy/engine/input.js';
import type { AcceptedIssuers } from '../../zones/zone-issuer.js';
import type { Principals } from '../stages/resolve.js';

/**
 * The claims about the subject of a mandate: a mandate's subject, a trusted issuer's user, or neither: the client
 * itself. The name of a user is the issuer's own, byte for byte, and the issuer stands beside it: the same name of
 * another issuer is another user.
 */
export function principalClaims(
  { subject, user }: Principals,
  clientId: string,
  issuers: AcceptedIssuers,
): Readonly<Record<string, unknown>> {
  if (user !== null) {
    const { mayAct } = user;
    return {
      sub: user.sub,
      sub_type: 'user',
      ...userClaims(user),
      // Without an issuer of its own, the name would pass for one of ours from here on.
      ...(mayAct === null ? {} : { may_act: renamed({ iss: user.issuer, ...mayAct }, issuers) }),
    };
  }
  if (subject === null) return { sub: clientId, sub_type: 'application' };
  return {
    sub: subject.sub,
    sub_type: subject.subType,
    ...carried(subject),
    ...(subject.mayAct === undefined ? {} : { may_act: renamed(subject.mayAct, issuers) }),
  };
}

/** A `may_act` that names its issuer as the zone was called before names it as it is called now: that outlives the name. */
function renamed(
  mayAct: Readonly<Record<string, unknown>>,
  { issuer, formerIssuer }: AcceptedIssuers,
): Readonly<Record<string, unknown>> {
  return formerIssuer !== null && mayAct['iss'] === formerIssuer
    ? { ...mayAct, iss: issuer }
    : mayAct;
}

/** The `subject_claims` of policy for a user of a trusted issuer. */
export function describeUser(user: IssuerSubject): JsonObject {
  const { sub_iss: iss = '', sub_labels: labels, ...authentication } = userClaims(user);
  return {
    iss,
    sub: user.sub,
    sub_type: 'user',
    exp: user.exp,
    ...(user.jti === null ? {} : { jti: user.jti }),
    ...(labels === undefined ? {} : { labels }),
    ...authentication,
  };
}

/** The `subject_claims` of policy for a workload whose token names the client: the names are those of its issuer. */
export function describeWorkload(
  { issuer, subject, exp, jti }: FederatedToken,
  clientId: string,
): JsonObject {
  return {
    iss: issuer,
    sub: subject,
    sub_type: 'application',
    client_id: clientId,
    exp,
    ...(jti === null ? {} : { jti }),
  };
}

/** What the `subject_claims` of policy say of the user of a trusted issuer beside its name; nothing of a client of ours. */
export function describeSubject(subject: MandateClaims): JsonObject {
  const { sub_iss: _, sub_labels: labels, ...authentication } = carried(subject);
  return { ...(labels === undefined ? {} : { labels }), ...authentication };
}

function userClaims({ issuer, labels, authentication }: IssuerSubject): JsonObject {
  const { acr, amr, authTime } = authentication;
  return {
    sub_iss: issuer,
    ...(labels.length === 0 ? {} : { sub_labels: [...labels] }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr: [...amr] }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}

/** The claims about a user that are carried through a chain of exchanges. */
function carried({ subIss, subLabels, acr, amr, authTime }: MandateClaims): JsonObject {
  return {
    ...(subIss === undefined ? {} : { sub_iss: subIss }),
    ...(subLabels === undefined ? {} : { sub_labels: [...subLabels] }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr: [...amr] }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}
