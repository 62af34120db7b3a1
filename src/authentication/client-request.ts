import type { IncomingMessage } from 'node:http';
import { OAuthError } from '../oauth/errors.js';
import { MalformedForm, parseForm, type Form } from '../oauth/form.js';
import { readFormBody } from '../platform/http/form-body.js';
import { readGatewayHeaders } from '../platform/http/read-gateway-headers.js';
import { inFlightOf, type InFlight } from '../platform/http/overload/in-flight.js';
import { requestIdOf, type RequestId } from '../platform/http/request-id.js';
import { traceOf } from '../platform/http/request-trace.js';
import type { TraceContext } from '../platform/tracing/trace-context.js';
import { writtenTarget } from '../platform/http/zone-hosts.js';
import { sourceOf } from '../platform/http/source-address.js';
import type { CredentialedRequest } from './credentials.js';

/** The largest form that is read, in bytes. Tokens are long, and who sends it is not known before it is read. */
const MAX_BYTES = 64 * 1_024;

/** A form request of a client to one of its endpoints, as it came off the wire. */
export interface ClientRequest extends CredentialedRequest {
  readonly requestId: RequestId;
  /** Where it is in a trace; `null` if nobody traces it. */
  readonly trace: TraceContext | null;
  /** Whether the URL had a query. */
  readonly hasQuery: boolean;
  /** The caller's address. */
  readonly source: string;
  /** Whether the answer is still waited for, and whose share of the requests in flight it is. */
  readonly inFlight: Pick<InFlight, 'expectAnswer' | 'countFor' | 'noteClaim'>;
}

/**
 * Reads a client's request from HTTP, its body as bytes.
 *
 * @param zoneInPath the zone whose own endpoint it is
 * @throws {HttpException} as {@link readFormBody}
 */
export async function readClientRequest(
  request: IncomingMessage,
  zoneInPath: string | null = null,
): Promise<ClientRequest> {
  const body = await readFormBody(request, MAX_BYTES);
  const { method = '', url = '' } = request;
  return {
    requestId: requestIdOf(request),
    trace: traceOf(request),
    body,
    authorization: request.headersDistinct['authorization'] ?? [],
    hasQuery: url.includes('?'),
    method,
    path: writtenTarget(request),
    zoneInPath,
    gateway: readGatewayHeaders(request),
    source: sourceOf(request),
    inFlight: inFlightOf(request),
  };
}

/**
 * Parses the form of a client's request.
 *
 * @param repeatable the parameters that may be given more than once
 * @param opaque the parameters that may have any text as value
 * @throws {OAuthError} invalid_request for parameters in the URL and for a malformed form
 */
export function readClientForm(
  { hasQuery, body }: Pick<ClientRequest, 'hasQuery' | 'body'>,
  repeatable: ReadonlySet<string> = new Set(),
  opaque: ReadonlySet<string> = new Set(),
): Form {
  if (hasQuery) throw malformed('parameters belong into the body, not into the URL');
  try {
    return parseForm(body, repeatable, opaque);
  } catch (error) {
    if (error instanceof MalformedForm) throw malformed(`the form is malformed: ${error.message}`);
    throw error;
  }
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
