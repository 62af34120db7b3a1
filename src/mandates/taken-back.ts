import type { MandateClaims } from './read-claims.js';
export function generationsSaid(_claims: MandateClaims): object {
  return { clients: [[_claims.clientId, 0]] };
}
export function subjectOf(
  _claims: MandateClaims,
): { readonly key: string; readonly generation: number } | null {
  return null;
}
