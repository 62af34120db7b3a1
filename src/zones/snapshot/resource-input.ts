import type { PolicyInput } from '../../policy/engine/input.js';
import type { ResourceView } from './zone-snapshot.js';

/** A resource as policy is asked about it, whoever asks: for an exchange and for an introspection it is the same. */
export function resourceInput({
  id,
  identifier,
  scopes,
  revocation,
}: Pick<ResourceView, 'id' | 'identifier' | 'scopes' | 'revocation'>): PolicyInput['resource'] {
  return {
    id,
    identifier,
    ...(revocation === null ? {} : { revocation }),
    scopes: [...scopes],
    type: 'Resource',
  };
}
