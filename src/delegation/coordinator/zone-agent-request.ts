import { createHash } from 'node:crypto';
import { OAuthError } from '../../oauth/errors.js';
import type { AgentSessionBody } from '../agents/agent-session.body.js';
import type { Repeatable } from './idempotency.js';
import type { Said } from './said.js';
import type { ZoneAgentBody } from './zone-agent.body.js';

/** Seconds that a task lives unless the request says: what these SDKs are used to. */
const TASK_SECONDS = 3_600;

/** What is asked for, as our own route takes it. @throws {OAuthError} invalid_request */
export function sessionAsked(body: Said<ZoneAgentBody>): AgentSessionBody {
  const { lifecycle, kind, ttl_seconds: seconds, labels, parent_id: parent } = body;
  const ofKind = kind === undefined ? null : kind === 'service' ? 'service' : 'task';
  if (lifecycle !== undefined && ofKind !== null && lifecycle !== ofKind) {
    throw new OAuthError('invalid_request', 'lifecycle and kind contradict each other');
  }
  if (body.parent_authority === 'none' && body.inherit_parent_edge_id !== undefined) {
    throw new OAuthError('invalid_request', 'inherit_parent_edge_id contradicts parent_authority');
  }
  const wanted = lifecycle ?? ofKind ?? 'task';
  const lives = seconds ?? (wanted === 'task' ? TASK_SECONDS : null);
  return {
    lifecycle: wanted,
    ...(lives === null ? {} : { ttl_seconds: lives }),
    ...(labels === undefined ? {} : { labels }),
    ...(parent === undefined ? {} : { parent_id: parent }),
    ...(body.inherit_parent_edge_id === undefined
      ? {}
      : { delegation_edge_id: body.inherit_parent_edge_id }),
  };
}

/** The session of its own that an application names, by either member; `null` for none. @throws {OAuthError} invalid_request */
export function sessionNamed(body: Said<ZoneAgentBody>): string | null {
  const { subject_session_id: named, session_sid: old } = body;
  if (named !== undefined && old !== undefined && named !== old) {
    throw new OAuthError('invalid_request', 'subject_session_id and session_sid are not the same');
  }
  return named ?? old ?? null;
}

/** Whether the parent's delegation is to be handed on. Without a word of it, the session is confined by that alone. */
export function inherits(body: Said<ZoneAgentBody>): boolean {
  return body.parent_authority === 'inherit' || body.inherit_parent_edge_id !== undefined;
}

/** What makes a request the same one as another with its `Idempotency-Key`. */
export function repeatable(body: Said<ZoneAgentBody>, ours: AgentSessionBody): Repeatable {
  const { parent_authority: authority = null, metadata = null } = body;
  return {
    kind: 'session',
    request: [ours, sessionNamed(body), authority, metadata],
    derivedKey: body.kind === undefined ? null : derivedKey(body),
  };
}

/** The key that `caracalai-sdk` 0.1.1 sends, which it derives of these members and no others. */
function derivedKey({ application_id, session_sid, parent_id, kind }: Said<ZoneAgentBody>): string {
  const seed = [application_id, session_sid ?? '', parent_id ?? '', kind ?? ''].join('|');
  return createHash('sha256').update(seed).digest('hex');
}
