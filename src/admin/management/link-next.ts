import type { Response } from 'express';

/**
 * Says where a list goes on (RFC 8288), if it does: Shyntr's lists are arrays, in which there is no place for that.
 *
 * @param next the id to give as `after`
 */
export function linkNext(response: Response, next: string | undefined): void {
  if (next !== undefined) response.setHeader('Link', `<?after=${next}>; rel="next"`);
}
