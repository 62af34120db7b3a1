import type { ProofSystem } from '../../step-up/proof-system.entity.js';

/** A system outside that may decide on challenges. Its secret is never shown again. */
export interface ProofSystemView {
  readonly id: string;
  /** Unique in the zone. */
  readonly name: string;
  /** The types of challenge that it may decide on; any if empty. */
  readonly types: readonly string[];
  /** Whether nothing counts that it signs. */
  readonly disabled: boolean;
  readonly created_at: Date;
  /** When an operator changed it last; when it was made, if none has. */
  readonly updated_at: Date;
}

/** The same with its secret, which is in one answer. */
export interface NewProofSystemView extends ProofSystemView {
  /** The key that it signs with (Standard Webhooks). */
  readonly secret: string;
}

/** A proof system as operators are shown it. */
export function toView(row: ProofSystem): ProofSystemView {
  const { id, name, types, disabledAt, createdAt, updatedAt } = row;
  return {
    id,
    name,
    types,
    disabled: disabledAt !== null,
    created_at: createdAt,
    updated_at: updatedAt ?? createdAt,
  };
}
