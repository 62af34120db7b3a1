import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { EntityManager } from 'typeorm';
import type { Permission } from '../permission.js';

/** A key that a request of a named operator bears: what counts of it beyond who that is. */
export interface BorneKey {
  readonly id: string;
  /** When it stops being good; `null` for never. */
  readonly expiresAt: Date | null;
  /** Whether the operator drew it for itself, so that nobody else has ever had it. */
  readonly own: boolean;
}

/** Who does something as an operator, in the words of audit events. */
export interface ActsAs {
  /** The id of a named operator; `null` for the admin key, for a mandate, and for what Mandate does by itself. */
  readonly id: string | null;
  /** The name that is recorded as `operator`. */
  readonly name: string;
  /** What audit events say of it beside that, such as the mandate that it came with. */
  readonly recorded?: Readonly<Record<string, unknown>>;
  /** The key that a named operator came with. */
  readonly key?: BorneKey;
  /**
   * Whether it may still do what it was let in for. Asked in the transaction of a change, so that nothing is committed
   * for an operator that was taken its key before; absent where there is nothing that could change.
   */
  readonly holds?: (tx: Pick<EntityManager, 'query'>) => Promise<boolean>;
  /**
   * Whether who reads for long may go on. Other than {@link holds}, which speaks for one change, it looks at the operator anew
   * if what it was let in for has changed. Absent where {@link holds} does that.
   */
  readonly mayGoOn?: () => Promise<boolean>;
  /** What it may do; absent for what Mandate does by itself, and for a command. */
  readonly permissions?: ReadonlySet<Permission>;
  /** The ids of the only zones that it may see; `null` for all, and for what is of no zone. */
  readonly zones?: readonly string[] | null;
}

/** Who asks for something at a route of operators. */
export interface Operator extends ActsAs {
  /** What it may do, in one word: the role that it has, `mandate`, or `gateway`. */
  readonly role: string;
  readonly permissions: ReadonlySet<Permission>;
  /** The ids of the only zones that it may see; `null` for all, and for what is of no zone. */
  readonly zones: readonly string[] | null;
}

/** The name of whoever holds `ADMIN_TOKEN`. */
export const ADMIN_KEY = 'admin key';

/** Whoever starts a command on a machine of the installation. */
export const COMMAND_LINE: ActsAs = { id: null, name: 'command line' };

/** What nobody asked for. */
export const BY_ITSELF: ActsAs = { id: null, name: 'mandate' };

/** The names that stand for no named operator, so that none can be called so. */
export const RESERVED_NAMES: readonly string[] = [
  ADMIN_KEY,
  COMMAND_LINE.name,
  BY_ITSELF.name,
  'automatic rotation',
  'demo',
  'gateway',
];

const operators = new WeakMap<object, Operator>();

/** Says who asks. To be called by the guard that has found out. */
export function setOperator(request: Request, operator: Operator): void {
  operators.set(request, operator);
}

/**
 * Who asks, at a route of operators.
 *
 * @throws {Error} if no guard of such a route has let the request in
 */
export function operatorOf(request: Request): Operator {
  const operator = operators.get(request);
  if (operator === undefined) throw new Error('nobody has said who asks');
  return operator;
}

/** Whether an operator may see a zone. */
export function seesZone({ zones }: Pick<Operator, 'zones'>, zoneId: string): boolean {
  return zones === null || zones.includes(zoneId);
}

/** Who asks, as an argument of a handler. */
export const CurrentOperator = createParamDecorator((_data: undefined, context: ExecutionContext) =>
  operatorOf(context.switchToHttp().getRequest<Request>()),
);
