import { createHash } from 'node:crypto';

/** Targets that are named by one text: an id, or a name as mandates have it. */
export const NAMED_TARGETS = [
  'jti',
  'session_id',
  'root_session_id',
  'agent_session_id',
  'delegation_edge_id',
  'client_id',
  'resource',
  'issuer',
  'policy_set_version_id',
  'kid',
] as const;

/** One of {@link NAMED_TARGETS}. */
export type NamedTarget = (typeof NAMED_TARGETS)[number];

/** A user as mandates name one. */
export interface SubjectTarget {
  readonly sub: string;
  /** The issuer of the name. */
  readonly iss: string;
}

/** What is to be taken back. */
export type RevocationTarget =
  | { readonly kind: NamedTarget; readonly name: string }
  | { readonly kind: 'subject'; readonly subject: SubjectTarget }
  | { readonly kind: 'zone' };

/** A target as it is stored and shown: an object with one member. */
export type WrittenTarget = NamedTargetView & {
  readonly subject?: SubjectTarget;
  readonly zone?: true;
};

/** The member of a target that is named by one text. */
type NamedTargetView = { readonly [kind in NamedTarget]?: string };

/** Writes a target in its one form. */
export function writtenTarget(target: RevocationTarget): WrittenTarget {
  switch (target.kind) {
    case 'zone':
      return { zone: true };
    case 'subject':
      return { subject: { sub: target.subject.sub, iss: target.subject.iss } };
    default:
      return { [target.kind]: target.name };
  }
}

/** What a target is found by among the orders of a zone: SHA-256 of its one form. */
export function targetKey(target: RevocationTarget): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(writtenTarget(target)))
    .digest();
}
