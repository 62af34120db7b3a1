import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Change } from '../change.js';
import { AdministrationChanges } from './administration-changes.service.js';

/** Whether whoever holds `ADMIN_TOKEN` may come in: for the whole installation, whatever a replica was started with. */
@Injectable()
export class AdminTokenDoor {
  constructor(private readonly changes: AdministrationChanges) {}

  /** Since when it is closed; `null` while it is open. */
  async closedAt(tx: Pick<EntityManager, 'query'>): Promise<Date | null> {
    const [row] = await tx.query<{ at: Date | null }[]>(CLOSED_AT);
    return row?.at ?? null;
  }

  /** Closes it; if it is closed, nothing happens. @returns since when it is */
  async close(change: Change): Promise<Date | null> {
    let closedAt: Date | null = null;
    await this.changes.run(change, async (tx) => {
      const before = await this.closedAt(tx);
      if (before === null) await tx.query(CLOSE);
      closedAt = await this.closedAt(tx);
      return before === null ? { result: true, details: {} } : null;
    });
    return closedAt;
  }

  /** Opens it again; if it is open, nothing happens. @returns whether it was closed */
  async reopen(change: Change): Promise<boolean> {
    const opened = await this.changes.run(change, async (tx) => {
      const closedAt = await this.closedAt(tx);
      if (closedAt === null) return null;
      await tx.query(REOPEN);
      return { result: true, details: { closed_at: closedAt } };
    });
    return opened !== null;
  }
}

const CLOSED_AT = 'SELECT admin_token_closed_at AS at FROM administration';
const CLOSE = `
  INSERT INTO administration (admin_token_closed_at) VALUES (now())
  ON CONFLICT (one) DO UPDATE SET admin_token_closed_at = EXCLUDED.admin_token_closed_at`;
const REOPEN = 'UPDATE administration SET admin_token_closed_at = NULL';
