import { request, type IncomingHttpHeaders } from 'node:http';
import { requestIdIn, type Answer } from './zone.js';

/** A request to the token endpoint as it goes over the wire, with nothing made right on the way. */
export interface RawForm {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as it is; a list is sent in chunks without a declared length. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
}

export const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Sends a request as it is given. The media type is that of forms unless headers say otherwise. */
export function sendRawForm(url: string, raw: RawForm): Promise<Answer> {
  const { method = 'POST', path = '/oauth/2/token', headers = {}, body = '' } = raw;
  const { hostname, port } = new URL(url);
  const chunked = typeof body !== 'string' && !Buffer.isBuffer(body);
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : [...value],
    ]),
  );
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        method,
        path,
        headers: {
          'content-type': FORM_TYPE,
          ...(chunked ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...given,
        },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(parts).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: headersOf(response.headers),
            body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
            requestId: requestIdIn(headersOf(response.headers)),
          });
        });
      },
    );
    sent.once('error', reject);
    for (const part of chunked ? body : [body]) sent.write(part);
    sent.end();
  });
}

function headersOf(headers: IncomingHttpHeaders): Headers {
  const copy = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of value === undefined ? [] : [value].flat()) copy.append(name, one);
  }
  return copy;
}
