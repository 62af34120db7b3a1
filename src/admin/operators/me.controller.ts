import { Get } from '@nestjs/common';
import { AdminController } from '../admin-controller.js';
import { ForSomeZones, NO_PERMISSION, Permission } from '../permission.js';
import type { MeView } from './operator-view.js';
import { CurrentOperator, type Operator } from './operator.js';

/** Tells operators who they are. */
@AdminController('operators/me', { noun: 'operators' })
export class MeController {
  /** Shows who asks, and all that this operator may do. */
  @Get()
  @Permission(NO_PERMISSION)
  @ForSomeZones()
  show(@CurrentOperator() operator: Operator): MeView {
    const { id, name, role, zones, permissions, key } = operator;
    const shown =
      key === undefined ? null : { id: key.id, expires_at: key.expiresAt, own: key.own };
    return { id, name, role, zones, key: shown, permissions: [...permissions].toSorted() };
  }
}
