/**
 * Whether the client of Redis can read a URL. What it cannot read it quotes in an error, with the password.
 *
 * @param text `redis://…` or `rediss://…`
 */
export function isRedisUrl(text: string): boolean {
  try {
    const { username, password, pathname } = new URL(text);
    [username, password].forEach(decodeURIComponent);
    return /^\/?\d*$/.test(pathname);
  } catch {
    return false;
  }
}
