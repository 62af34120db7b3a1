import type { IncomingMessage } from 'node:http';
import proxyAddress from 'proxy-addr';
import type { Step } from './steps.js';
import { KeptOn } from '../kept-on.js';

const addresses = new KeptOn<string>('source address');

/**
 * A step that finds the address that a request comes from: that of the connection, or what the proxies in front say
 * (`X-Forwarded-For`).
 *
 * @param proxies how many proxies are believed
 */
export function findSource(proxies: number): Step {
  return (request, _response, next) => {
    addresses.set(
      request,
      proxies === 0
        ? (request.socket.remoteAddress ?? '')
        : proxyAddress(request, (_address, distance) => distance < proxies),
    );
    next();
  };
}

/** The address that a request comes from; empty if the connection was gone before it was looked at. */
export function sourceOf(request: IncomingMessage): string {
  return addresses.get(request) ?? '';
}
