import type { ClientSecret } from '../../zones/clients/client-secret.entity.js';

/** A secret of a client, without its value. */
export interface ClientSecretView {
  readonly id: string;
  /** Whether it existed elsewhere before; otherwise it was drawn here. */
  readonly imported: boolean;
  readonly created_at: Date;
  /** When it stops working; `null`: when it is revoked. */
  readonly expires_at: Date | null;
}

/** A secret that was just added. */
export interface NewClientSecretView extends ClientSecretView {
  /** Its value, this once; absent if it was imported. */
  readonly client_secret?: string;
}

/** The secrets of a client that are not revoked. */
export interface ClientSecretsView {
  readonly items: readonly ClientSecretView[];
}

/** A secret as operators are shown it. */
export function toView({ id, kind, createdAt, expiresAt }: ClientSecret): ClientSecretView {
  return { id, imported: kind === 'argon2id', created_at: createdAt, expires_at: expiresAt };
}
