import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { unavailable } from '../../oauth/errors.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { bearerKeyCheck, bearerOf } from '../../platform/http/bearer-key.js';
import { KnownBearers } from '../../platform/http/overload/known-bearers.js';
import { sourceOf } from '../../platform/http/source-address.js';
import { ControlMandates } from './control-mandates.service.js';
import { KeyUses } from './key-uses.service.js';
import { OperatorDirectory } from './operator-directory.service.js';
import { ADMIN_KEY, type Operator } from './operator.js';
import { Refusals } from './refusals.service.js';
import { permissionsOf } from './roles.js';

/** Whoever holds `ADMIN_TOKEN`, until an owner closes it. */
const HOLDER_OF_ADMIN_TOKEN: Operator = {
  id: null,
  name: ADMIN_KEY,
  role: 'owner',
  permissions: permissionsOf('owner'),
  zones: null,
  holds: async (tx) => (await tx.query<unknown[]>(CLOSED)).length === 0,
};

/**
 * Says which operator a request is of, by what it bears (RFC 6750 2.1): the admin token, a key of a named operator, or a
 * mandate of the control zone.
 */
@Injectable()
export class OperatorAuthentication {
  private readonly bearsAdminToken: (request: IncomingMessage) => boolean;
  private readonly hasAdminToken: boolean;

  constructor(
    @Inject(ENV) { adminTokens }: Pick<RunningEnv, 'adminTokens'>,
    private readonly directory: OperatorDirectory,
    private readonly uses: KeyUses,
    private readonly mandates: ControlMandates,
    known: KnownBearers,
    private readonly refusals: Refusals,
  ) {
    const checks = adminTokens.map((token) => bearerKeyCheck(token));
    this.hasAdminToken = checks.length > 0;
    this.bearsAdminToken = (request) => checks.some((bears) => bears(request));
    known.add((request) => this.bearsAdminToken(request) || this.keyIn(request) !== null);
  }

  /** Whether there is anybody who may administer, and so a door; also as long as that is not known. */
  get isPossible(): boolean {
    const isKnown = this.directory.administration !== null;
    return !isKnown || this.hasAdminToken || this.directory.hasKeys || this.controlZoneId !== null;
  }

  /**
   * Who asks.
   *
   * @returns `null` for somebody who is no operator
   * @throws {OAuthError} temporarily_unavailable if it is not known yet who is one
   */
  async authenticate(request: IncomingMessage): Promise<Operator | null> {
    const { administration } = this.directory;
    if (this.bearsAdminToken(request)) {
      if (administration === null) throw notKnown();
      return administration.adminTokenClosed ? null : HOLDER_OF_ADMIN_TOKEN;
    }
    if (administration === null && bearerOf(request) !== null) throw notKnown();
    const key = this.keyIn(request);
    if (key === null) return this.byMandate(request);
    if (!key.isGoodFrom(sourceOf(request))) {
      await this.refusals.recordFromElsewhere(request, key);
      return null;
    }
    this.uses.note(key.id);
    return key.operator;
  }

  /** The zone whose mandates are operators; `null` for none. */
  get controlZoneId(): string | null {
    return this.directory.administration?.controlZoneId ?? null;
  }

  private async byMandate(request: IncomingMessage): Promise<Operator | null> {
    const token = bearerOf(request);
    const { controlZoneId } = this;
    if (token === null || controlZoneId === null) return null;
    return this.mandates.operatorOf(token, controlZoneId);
  }

  private keyIn(request: IncomingMessage) {
    const token = bearerOf(request);
    return token === null ? null : this.directory.find(token);
  }
}

function notKnown() {
  return unavailable('who may administer could not be read yet');
}

const CLOSED = 'SELECT 1 FROM administration WHERE admin_token_closed_at IS NOT NULL';
