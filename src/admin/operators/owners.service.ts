import { ConflictException, Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ENV, type RunningEnv } from '../../platform/config/env.js';

/** Sees to it that no change leaves the installation without an owner who can come in. */
@Injectable()
export class Owners {
  private readonly hasAdminToken: boolean;

  constructor(@Inject(ENV) { adminTokens }: Pick<RunningEnv, 'adminTokens'>) {
    this.hasAdminToken = adminTokens.length > 0;
  }

  /**
   * Makes a change after which there is an owner, if there was one before: a named one, enabled, of all zones, with a key
   * that is good; or whoever holds `ADMIN_TOKEN`, as long as that is open.
   *
   * @param tx in which such changes take turns
   * @throws {ConflictException} if there would be none: `make` is then to be undone
   */
  async keepOne<T>(tx: EntityManager, make: () => Promise<T>): Promise<T> {
    const before = await this.isThere(tx);
    const made = await make();
    if (before && !(await this.isThere(tx))) {
      throw new ConflictException('no owner would be left who can come in');
    }
    return made;
  }

  private async isThere(tx: EntityManager): Promise<boolean> {
    const found = await tx.query<unknown[]>(OWNER, [this.hasAdminToken]);
    return found.length > 0;
  }
}

const OWNER = `
  SELECT 1 FROM operators o JOIN operator_keys k ON k.operator_id = o.id
   WHERE o.role = 'owner' AND o.zones IS NULL AND o.disabled_at IS NULL
     AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
  UNION ALL
  SELECT 1 WHERE $1::boolean AND NOT EXISTS (SELECT 1 FROM administration WHERE admin_token_closed_at IS NOT NULL)
  LIMIT 1`;
