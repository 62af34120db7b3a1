import { BadRequestException } from '@nestjs/common';
import type { AuditFilters } from '../../audit/audit-filters.js';
import type { AuditPage, AuditPart } from '../../audit/audit-page.js';
import { viewOf, type AuditedEventView } from '../../audit/audited-event.js';
import { PAGE_LIMIT } from '../pagination.body.js';
import type { Page } from '../pagination.js';
import type { AuditFilterQuery, AuditQuery } from './audit-query.body.js';

/**
 * What a query asks for. Ids are as events have them: in lower case.
 *
 * @throws {BadRequestException} if the time ends before it begins
 */
export function filtersOf(query: AuditFilterQuery): AuditFilters {
  const { from, to } = query;
  if (from !== undefined && to !== undefined && Date.parse(from) > Date.parse(to)) {
    const message = 'to must not be before from';
    const errors = [{ field: 'to', message, code: 'before_from' }];
    throw new BadRequestException({ message: [message], errors });
  }
  const { type, subject, actor, resource, jti, decision, outcome, request_id, operator } = query;
  const ids = {
    client: query.client?.toLowerCase(),
    agent_session: query.agent_session?.toLowerCase(),
    delegation: query.delegation?.toLowerCase(),
  };
  const all = { from, to, type, subject, actor, resource, jti, decision, outcome, request_id };
  return given({ ...all, operator, ...ids });
}

/** Which part of what is found a query asks for. */
export function partOf({ limit = PAGE_LIMIT, after }: AuditQuery): AuditPart {
  return { limit, ...(after === undefined ? {} : { after }) };
}

/** A part of what was found as it is shown. */
export function toPage({ items, next }: AuditPage): Page<AuditedEventView> {
  return { items: items.map(viewOf), ...(next === undefined ? {} : { next }) };
}

/** The members that have a value. */
function given(members: {
  readonly [K in keyof AuditFilters]: AuditFilters[K] | undefined;
}): AuditFilters {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
