const WRITTEN = /^[A-Za-z0-9*._~+-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9*._~+-]*)*$/;

/**
 * Reads a form (`application/x-www-form-urlencoded`) strictly: `null` for one that repeats a parameter, has one
 * without a name, or is written with other than well-formed percent and UTF-8 encoding.
 */
export function readForm(body: string): Map<string, string> | null {
  const form = new Map<string, string>();
  for (const pair of body.split('&')) {
    const at = pair.indexOf('=');
    if (at < 1) return null;
    const name = decode(pair.slice(0, at));
    const value = decode(pair.slice(at + 1));
    if (name === null || value === null || form.has(name)) return null;
    form.set(name, value);
  }
  return form;
}

function decode(text: string): string | null {
  if (!WRITTEN.test(text)) return null;
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
