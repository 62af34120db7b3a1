import { topicOf } from '../../audit/event-topic.js';
import type { Filter } from '../nouns/noun.js';
import type { Column } from '../print/things.js';

/** What a table shows of an event. */
export const AUDIT_COLUMNS: readonly Column[] = [
  { member: 'occurred_at', title: 'at' },
  { member: 'type' },
  { member: 'outcome' },
  { member: 'client_id', title: 'client' },
  { member: 'operator' },
  { member: 'about', show: topicOf },
  { member: 'reason' },
  { member: 'request_id', title: 'request', whole: true },
];

/** The same for events of whichever zone. */
export const AUDIT_COLUMNS_OF_ZONES: readonly Column[] = [
  ...AUDIT_COLUMNS.slice(0, 1),
  { member: 'zone_id', title: 'zone' },
  ...AUDIT_COLUMNS.slice(1),
];

/** What events can be found by; the parameters are those of `GET /internal/zones/{zone}/audit`. */
export const AUDIT_FILTERS: readonly Filter[] = [
  { flags: '--type <type>', parameter: 'type', what: 'of this type, such as token_exchange' },
  {
    flags: '--outcome <outcome>',
    parameter: 'outcome',
    choices: ['issued', 'denied', 'failed', 'done'],
    what: 'that ended so',
  },
  { flags: '--client <client>', parameter: 'client', what: 'of the client with this id' },
  { flags: '--subject <sub>', parameter: 'subject', what: 'about this subject' },
  { flags: '--actor <sub>', parameter: 'actor', what: 'of this one that acted for another' },
  { flags: '--agent-session <id>', parameter: 'agent_session', what: 'of this agent session' },
  { flags: '--delegation <id>', parameter: 'delegation', what: 'on this delegation' },
  { flags: '--resource <identifier>', parameter: 'resource', what: 'about this resource' },
  { flags: '--jti <jti>', parameter: 'jti', what: 'about this mandate, or another token' },
  {
    flags: '--decision <decision>',
    parameter: 'decision',
    choices: ['allow', 'deny', 'step_up'],
    what: 'in which policy said so of a resource',
  },
  { flags: '--request <id>', parameter: 'request_id', what: 'of this request, label or trace' },
  {
    flags: '--operator <operator>',
    parameter: 'operator',
    what: 'of this operator, by name or id',
  },
];

/** When they were recorded. */
export const AUDIT_TIMES: readonly Filter[] = [
  { flags: '--from <time>', parameter: 'from', what: 'recorded then or later (RFC 3339)' },
  { flags: '--to <time>', parameter: 'to', what: 'recorded before then (RFC 3339)' },
];

/** The parameters that options say. */
export function parametersOf(
  filters: readonly Filter[],
  options: Readonly<Record<string, unknown>>,
): Record<string, string> {
  return Object.fromEntries(
    filters.flatMap(({ flags, parameter }) => {
      const name = flags.slice(2, flags.indexOf(' '));
      const value =
        options[name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
      return typeof value === 'string' ? [[parameter, value]] : [];
    }),
  );
}
