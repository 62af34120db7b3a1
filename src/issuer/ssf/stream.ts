import { deliveredOf, EVENT_TYPES } from './event-types.js';

/** The delivery methods, as OpenID SSF 1.0 6.1 calls them. */
export const PUSH = 'urn:ietf:rfc:8935';
export const POLL = 'urn:ietf:rfc:8936';

/** Seconds that must pass between two requests for verification (OpenID SSF 1.0 8.1.1). */
export const MIN_VERIFICATION_INTERVAL = 10;

/** The states of a stream (OpenID SSF 1.0 8.1.2.1). */
export const STREAM_STATES = ['enabled', 'paused', 'disabled'] as const;

/** See {@link STREAM_STATES}. */
export type StreamStatus = (typeof STREAM_STATES)[number];

/** A stream of shared signals, as it is stored. */
export interface Stream {
  readonly zoneId: string;
  readonly id: string;
  readonly clientId: string;
  readonly delivery: 'push' | 'poll';
  readonly endpointUrl: string | null;
  readonly sealedAuthorization: Buffer | null;
  readonly eventsRequested: readonly string[] | null;
  readonly description: string | null;
  readonly status: StreamStatus;
  readonly statusReason: string | null;
}

/** The columns of {@link Stream}, of a table that is called `s`. */
export const STREAM_COLUMNS = `
  s.zone_id AS "zoneId", s.id, s.client_id AS "clientId", s.delivery, s.endpoint_url AS "endpointUrl",
  s.sealed_authorization AS "sealedAuthorization", s.events_requested AS "eventsRequested", s.description, s.status,
  s.status_reason AS "statusReason"`;

/** Where a stream is, for its configuration. */
export interface StreamPlace {
  readonly issuer: string;
  /** Where the shared signals of the zone are: the identifier of their system resource. */
  readonly ssf: string;
}

/** The configuration of a stream (OpenID SSF 1.0 8.1.1), without the secret that is sent to its receiver. */
export function configurationOf(stream: Stream, { issuer, ssf }: StreamPlace) {
  const { id, clientId, delivery, endpointUrl, eventsRequested, description } = stream;
  return {
    stream_id: id,
    iss: issuer,
    aud: clientId,
    events_supported: EVENT_TYPES,
    ...(eventsRequested === null ? {} : { events_requested: eventsRequested }),
    events_delivered: deliveredOf(eventsRequested),
    delivery:
      delivery === 'push'
        ? { method: PUSH, endpoint_url: endpointUrl }
        : { method: POLL, endpoint_url: `${ssf}/poll/${id}` },
    min_verification_interval: MIN_VERIFICATION_INTERVAL,
    ...(description === null ? {} : { description }),
  };
}

/** The status of a stream (OpenID SSF 1.0 8.1.2.1). */
export function statusOf({ id, status, statusReason }: Stream) {
  return { stream_id: id, status, ...(statusReason === null ? {} : { reason: statusReason }) };
}
