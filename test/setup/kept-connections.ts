import pg from 'pg';

/** How many connections are kept at most, each to another database. */
const MOST = 4;

/** Statements that leave nothing behind in a session that the next one could meet. */
const LEAVES_NOTHING =
  /^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\s(?!.*(?:;|advisory_lock|set_config))/is;

/** Where connections are kept, once that was asked for: those in which nothing is asked now, by the URL of the database. */
let kept:
  { readonly hosts: ReadonlySet<string>; readonly idle: Map<string, pg.Client> } | undefined;

/**
 * From now on connections to the databases of a server are kept for the next statement: to make one costs twenty times
 * as much as most statements of tests. Those to other servers are not, which tests stop.
 *
 * @param serverUrl any database of that server
 * @param nodeUrls the same of those over which its databases are distributed
 * @returns ends them, and that any are kept
 */
export function keepConnections(
  serverUrl: string,
  nodeUrls: readonly string[],
): () => Promise<void> {
  const idle = new Map<string, pg.Client>();
  kept = { hosts: new Set([serverUrl, ...nodeUrls].map((url) => new URL(url).host)), idle };
  return async () => {
    // Those in which something is asked now end when it is answered.
    kept = undefined;
    await Promise.all([...idle.values()].map((client) => client.end()));
  };
}

/** Whether a statement may be asked in a connection that others are asked in before and after it. */
export function mayShare(url: string, text: string): boolean {
  return kept !== undefined && kept.hosts.has(new URL(url).host) && LEAVES_NOTHING.test(text);
}

/** Asks in a connection that is kept, or in a new one that will be, unless another one was meanwhile. */
export async function askKept<T extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[],
): Promise<T[]> {
  const client = (await takeIdle(url)) ?? (await connect(url));
  try {
    const { rows } = await client.query<T>(text, values);
    return rows;
  } finally {
    await giveBack(url, client);
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A test has ended it, as it ends those of servers.
  client.on('error', () => forget(url, client));
  client.on('end', () => forget(url, client));
  await client.connect();
  return client;
}

/**
 * Takes one out that is there still, which only an answer shows: its end may not have been heard of yet. From then on what
 * was asked in it before is in the statistics of the database, which otherwise it would be some second later.
 */
async function takeIdle(url: string): Promise<pg.Client | null> {
  const client = kept?.idle.get(url);
  if (client === undefined) return null;
  forget(url, client);
  try {
    await client.query('SELECT pg_stat_force_next_flush()');
    return client;
  } catch {
    await client.end().catch(() => {});
    return null;
  }
}

function forget(url: string, client: pg.Client): void {
  if (kept?.idle.get(url) === client) kept.idle.delete(url);
}

async function giveBack(url: string, client: pg.Client): Promise<void> {
  if (kept === undefined || kept.idle.has(url)) return client.end();
  kept.idle.set(url, client);
  const [oldest] = kept.idle;
  if (oldest === undefined || kept.idle.size <= MOST) return;
  kept.idle.delete(oldest[0]);
  await oldest[1].end();
}
