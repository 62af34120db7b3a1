/** The ways in which a challenge can be satisfied. */
export const PROOF_METHODS = ['operator', 'approver', 'proof_system', 'totp', 'webauthn'] as const;

export type ProofMethod = (typeof PROOF_METHODS)[number];

/** How challenges of one type are dealt with. */
export interface StepUpTerms {
  /** For how long one can be decided on and redeemed. */
  readonly lifetime_seconds: number;
  readonly satisfied_by: readonly ProofMethod[];
  /** How many have to approve; one who rejects is enough. */
  readonly quorum: number;
  /** Whether the application that asks may decide, too. */
  readonly requester_may_satisfy: boolean;
  /** Whether whom the request speaks for may decide. */
  readonly subject_may_satisfy: boolean;
  /** What a mandate says of it (OpenID Connect Core 2, `acr`). */
  readonly acr: string;
  /** For how long a session that has been proved needs no other challenge; 0: each request needs its own. */
  readonly reuse_seconds: number;
}

/** The type that is meant where a request wants fresh authentication and does not say of which kind. */
export const DEFAULT_TYPE = 'mfa';

/**
 * The terms of a type that a zone has said nothing about: `mfa` is for the subject to show that it is
 * there; whatever else it is called, somebody else has to confirm it.
 */
export function defaultTerms(type: string): StepUpTerms {
  const own = type === DEFAULT_TYPE;
  return {
    lifetime_seconds: 300,
    satisfied_by: own
      ? ['totp', 'webauthn', 'proof_system']
      : ['operator', 'approver', 'proof_system'],
    quorum: 1,
    requester_may_satisfy: false,
    subject_may_satisfy: own,
    acr: type,
    reuse_seconds: 0,
  };
}

/** The terms of a type in a zone. */
export function termsOf(types: ReadonlyMap<string, StepUpTerms>, type: string): StepUpTerms {
  return types.get(type) ?? defaultTerms(type);
}

/**
 * The type whose challenges lead to one of the wanted `acr` values, the first one first (RFC 9470 4).
 *
 * @returns `null` if there is none
 */
export function typeForAcr(
  types: ReadonlyMap<string, StepUpTerms>,
  acrValues: readonly string[],
): string | null {
  for (const acr of acrValues) {
    for (const [type, terms] of types) if (terms.acr === acr) return type;
    if (acr === DEFAULT_TYPE && !types.has(DEFAULT_TYPE)) return DEFAULT_TYPE;
  }
  return null;
}

/** Terms as they are stored. */
export interface StoredTerms {
  readonly lifetimeSeconds: number;
  readonly satisfiedBy: readonly ProofMethod[];
  readonly quorum: number;
  readonly requesterMaySatisfy: boolean;
  readonly subjectMaySatisfy: boolean;
  readonly acr: string;
  readonly reuseSeconds: number;
}

/** The terms of a stored type. */
export function termsIn(row: StoredTerms): StepUpTerms {
  return {
    lifetime_seconds: row.lifetimeSeconds,
    satisfied_by: row.satisfiedBy,
    quorum: row.quorum,
    requester_may_satisfy: row.requesterMaySatisfy,
    subject_may_satisfy: row.subjectMaySatisfy,
    acr: row.acr,
    reuse_seconds: row.reuseSeconds,
  };
}

/**
 * What keeps challenges of such terms from ever being satisfied.
 *
 * @returns `null` if nothing does
 */
export function impossibilityOf(terms: StepUpTerms): string | null {
  const { satisfied_by: ways, quorum, subject_may_satisfy: subjectMay } = terms;
  const others = ways.filter((way) => way !== 'totp' && way !== 'webauthn');
  // The subject is one person, however it shows that it is there.
  if (others.length === 0 && !subjectMay) {
    return "totp and webauthn are the subject's, so subject_may_satisfy has to be true";
  }
  const several = others.some((way) => way === 'approver' || way === 'proof_system');
  const most =
    (ways.includes('operator') ? 1 : 0) + (others.length < ways.length && subjectMay ? 1 : 0);
  if (!several && quorum > most) return `there are no more than ${most} who could decide`;
  return null;
}
