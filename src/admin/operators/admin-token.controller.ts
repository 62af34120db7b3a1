import { ConflictException, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { InjectEntityManager } from '@nestjs/typeorm';
import type { EntityManager } from 'typeorm';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { AdminController } from '../admin-controller.js';
import { UrgentInstallationChange, type Change } from '../change.js';
import { AdminTokenDoor } from './admin-token-door.service.js';
import { CurrentOperator, type Operator } from './operator.js';

/** Whether `ADMIN_TOKEN` lets anybody in. */
export interface AdminTokenView {
  /** Whether the replica that answers was started with one. */
  readonly configured: boolean;
  /** Since when it lets nobody in; `null` while it does. */
  readonly closed_at: Date | null;
}

/** Closes the door for whoever holds `ADMIN_TOKEN`. It is opened again by a command on a machine of the installation. */
@AdminController('operators/admin-token', { noun: 'operators' })
export class AdminTokenController {
  private readonly configured: boolean;

  constructor(
    @InjectEntityManager() private readonly read: EntityManager,
    private readonly door: AdminTokenDoor,
    @Inject(ENV) { adminTokens }: RunningEnv,
  ) {
    this.configured = adminTokens.length > 0;
  }

  /** Shows whether `ADMIN_TOKEN` lets anybody in. */
  @Get()
  async show(): Promise<AdminTokenView> {
    return { configured: this.configured, closed_at: await this.door.closedAt(this.read) };
  }

  /**
   * Has `ADMIN_TOKEN` let nobody in any more, at any replica. A named owner has to ask, who has shown by that that there is
   * another way in. `mandate operators reopen-admin-token` opens it again.
   */
  @Post('close')
  @HttpCode(200)
  async close(
    @CurrentOperator() { id, role }: Operator,
    @UrgentInstallationChange('admin_token.closed') change: Change,
  ): Promise<AdminTokenView> {
    if (id === null || role !== 'owner') {
      throw new ConflictException('a named owner has to close it, with a key of its own');
    }
    return { configured: this.configured, closed_at: await this.door.close(change) };
  }
}
