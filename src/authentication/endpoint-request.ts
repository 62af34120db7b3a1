import type { IncomingMessage } from 'node:http';
import { OAuthError } from '../oauth/errors.js';
import type { Form } from '../oauth/form.js';
import {
  InvalidJson,
  isJsonObject,
  readStrictJson,
  type JsonObject,
} from '../oauth/strict-json.js';
import { readFormBody, readFormOrJsonBody } from '../platform/http/form-body.js';
import { inFlightOf } from '../platform/http/overload/in-flight.js';
import { readGatewayHeaders } from '../platform/http/read-gateway-headers.js';
import { writtenTarget } from '../platform/http/zone-hosts.js';
import { sourceOf } from '../platform/http/source-address.js';
import { readClientForm, type ClientRequest } from './client-request.js';

/** What an endpoint takes as body, and from where its zone comes. */
export interface EndpointTerms {
  /** The zone whose own endpoint it is, as its path has it; `null` at an endpoint of all zones. */
  readonly zoneInPath: string | null;
  /** `none`: the body is none of authentication's business, and not read; the request may have a query then. */
  readonly body?: 'form' | 'form or json' | 'none';
  /** The largest form and the largest JSON body, in bytes. */
  readonly maxBytes?: { readonly form: number; readonly json: number };
  /** The parameters, or members of a JSON body, that may have any text as value, also one with NUL, such as a token. */
  readonly opaque?: ReadonlySet<string>;
}

/** A request to an endpoint that is not the token endpoint, as far as it has to do with who asks. */
export type EndpointRequest = Omit<ClientRequest, 'requestId' | 'trace' | 'hasQuery'> & {
  /** The parameters; of a JSON body its members that are text. */
  readonly form: Form;
  /** The JSON body; `null` for a form, and without a body. */
  readonly json: JsonObject | null;
};

/** As at the token endpoint, unless an endpoint says otherwise. */
const MAX_BYTES = { form: 64 * 1_024, json: 64 * 1_024 } as const;
/** The most commas of a JSON body outside of its texts: reading strictly takes a while for each, before anybody is known. */
const MAX_COMMAS = 1_000;
const EMPTY = new Uint8Array();
const NO_FORM: Form = new Map();

/**
 * Reads a request to an endpoint that is not the token endpoint.
 *
 * @throws {HttpException} as `readFormBody`
 * @throws {OAuthError} invalid_request for a malformed body, and for a query beside a body
 */
export async function readEndpointRequest(
  request: IncomingMessage,
  { zoneInPath, body: kind = 'form', maxBytes = MAX_BYTES, opaque }: EndpointTerms,
): Promise<EndpointRequest> {
  const { method = '', url = '' } = request;
  const common = {
    authorization: request.headersDistinct['authorization'] ?? [],
    method,
    path: writtenTarget(request),
    zoneInPath,
    gateway: readGatewayHeaders(request),
    source: sourceOf(request),
    inFlight: inFlightOf(request),
  };
  if (kind === 'none') return { body: EMPTY, form: NO_FORM, json: null, ...common };
  const hasQuery = url.includes('?');
  const { body, isJson } =
    kind === 'form'
      ? { body: await readFormBody(request, maxBytes.form), isJson: false }
      : await readFormOrJsonBody(request, maxBytes);
  if (!isJson) {
    const form = readClientForm({ hasQuery, body }, undefined, opaque);
    return { body, form, json: null, ...common };
  }
  if (hasQuery) throw malformed('parameters belong into the body, not into the URL');
  const json = readObject(body, opaque);
  return { body, form: textsIn(json), json, ...common };
}

function readObject(body: Uint8Array, opaque?: ReadonlySet<string>): JsonObject {
  if (hasManyMembers(body)) throw malformed('the body has too many members');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    const value = readStrictJson(text, opaque);
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (error instanceof InvalidJson && error.reason !== 'not_json') {
      throw malformed(`the body is not acceptable JSON: ${error.reason}`);
    }
  }
  throw malformed('the body is not a JSON object');
}

/** Whether JSON has very many members and elements, whether or not it is well-formed. */
function hasManyMembers(json: Uint8Array): boolean {
  let commas = 0;
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) inText = !inText;
    else if (inText && byte === BACKSLASH) at += 1;
    else if (!inText && byte === COMMA) commas += 1;
  }
  return commas > MAX_COMMAS;
}

const [QUOTE, BACKSLASH, COMMA] = Buffer.from('"\\,');

/** The members of a JSON body that are text, as the parameters of a form: an empty one counts as absent. */
function textsIn(json: JsonObject): Form {
  const texts = Object.entries(json).filter(
    (member): member is [string, string] => typeof member[1] === 'string' && member[1] !== '',
  );
  return new Map(texts.map(([name, value]) => [name, [value]]));
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
