import type { Annotations, Effect } from '@cedar-policy/cedar-wasm/nodejs';

/** The obligations of a policy, from its annotations: they apply to a verdict that it determines. */
export interface Obligations {
  readonly reason?: string;
  /** Whether the caller may see the reason. */
  readonly public?: true;
  /** Of a forbid: the type of the challenge that lifts it. */
  readonly stepUp?: string;
  /** Of a permit: the longest lifetime of what it permits, in seconds. */
  readonly maxTtlSeconds?: number;
}

const STEP_UP = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const MAX_TTL = /^[1-9][0-9]{0,8}$/;
/** The characters of `error_description` (RFC 6749 5.2), at most 200. */
const PUBLIC_REASON = /^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,200}$/;

/**
 * Reads `@reason`, `@public`, `@step_up` and `@max_ttl`. One without effect is refused too: its author
 * believes in a safeguard that is not there.
 *
 * @param refuse is called with each fault
 */
export function readObligations(
  effect: Effect,
  annotations: Annotations,
  refuse: (message: string, help?: string) => void,
): Obligations {
  const { reason, step_up: stepUp, max_ttl: maxTtl } = annotations;
  const isPublic = Object.hasOwn(annotations, 'public');
  if (isPublic) {
    if (annotations['public'])
      refuse('@public takes no value', 'without @public only operators see the reason');
    if (!reason) refuse('@public has no effect without @reason', 'as in @reason("…") @public');
    else if (!PUBLIC_REASON.test(reason)) {
      refuse(
        'a @public reason is at most 200 characters of ASCII, without quotes and backslashes',
        'it becomes an error_description (RFC 6749 5.2)',
      );
    }
  }
  if (stepUp !== undefined) {
    if (effect !== 'forbid') refuse('@step_up has no effect on a permit', 'put it on a forbid');
    if (!STEP_UP.test(stepUp ?? '')) {
      refuse('@step_up needs a challenge type', 'as in @step_up("mfa")');
    }
  }
  if (maxTtl !== undefined) {
    if (effect !== 'permit') refuse('@max_ttl has no effect on a forbid', 'put it on a permit');
    if (!MAX_TTL.test(maxTtl ?? '')) {
      refuse('@max_ttl needs a whole number of seconds, 1 or more', 'as in @max_ttl("300")');
    }
  }
  return {
    ...(reason && { reason }),
    ...(isPublic && { public: true as const }),
    ...(stepUp && { stepUp }),
    ...(maxTtl && { maxTtlSeconds: Number(maxTtl) }),
  };
}

const KNOWN = ['id', 'reason', 'public', 'step_up', 'max_ttl'];

/** The known annotation that an unknown one is almost spelled like; `null` if it is known, or like none. */
export function intendedAnnotation(annotation: string): string | null {
  if (KNOWN.includes(annotation)) return null;
  return KNOWN.find((known) => normalised(known) === normalised(annotation)) ?? null;
}

function normalised(name: string): string {
  return name.toLowerCase().replaceAll('_', '');
}
