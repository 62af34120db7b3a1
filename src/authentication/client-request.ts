import type { Request } from 'express';
import { OAuthError } from '../oauth/errors.js';
import { MalformedForm, parseForm, type Form } from '../oauth/form.js';
import { readFormBody } from '../platform/http/form-body.js';
import { gatewayHeadersOf } from '../platform/http/gateway-headers.js';
import { requestIdOf, type RequestId } from '../platform/http/request-id.js';
import type { CredentialedRequest } from './credentials.js';

/** A form request of a client to one of its endpoints, as it came off the wire. */
export interface ClientRequest extends CredentialedRequest {
  readonly requestId: RequestId;
  /** Whether the URL had a query. */
  readonly hasQuery: boolean;
  /** The caller's address. */
  readonly source: string;
}

/**
 * Reads a client's request from HTTP, its body as bytes.
 *
 * @throws {HttpException} as {@link readFormBody}
 */
export async function readClientRequest(request: Request): Promise<ClientRequest> {
  const body = await readFormBody(request);
  return {
    requestId: requestIdOf(request),
    body,
    authorization: request.headersDistinct['authorization'] ?? [],
    hasQuery: request.originalUrl.includes('?'),
    method: request.method,
    path: request.originalUrl,
    gateway: gatewayHeadersOf(request),
    source: request.ip ?? '',
  };
}

/**
 * Parses the form of a client's request.
 *
 * @param repeatable the parameters that may be given more than once
 * @throws {OAuthError} invalid_request for parameters in the URL and for a malformed form
 */
export function readClientForm(
  { hasQuery, body }: Pick<ClientRequest, 'hasQuery' | 'body'>,
  repeatable: ReadonlySet<string> = new Set(),
): Form {
  if (hasQuery) throw malformed('parameters belong into the body, not into the URL');
  try {
    return parseForm(body, repeatable);
  } catch (error) {
    if (error instanceof MalformedForm) throw malformed(`the form is malformed: ${error.message}`);
    throw error;
  }
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
