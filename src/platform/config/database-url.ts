import pg from 'pg';

/**
 * Whether the driver can read a URL of a database. It alone knows what may be in one, such as the path of a
 * socket, or of a certificate that has to be there.
 */
export function isDatabaseUrl(text: string): boolean {
  try {
    // Connects to nothing.
    return new pg.Client({ connectionString: text }).port > 0;
  } catch {
    return false;
  }
}
