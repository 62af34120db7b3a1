import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds for one request. */
const TIMEOUT_MS = 10_000;
/** How often an answer of 503 is asked for in all, and milliseconds between. */
const ATTEMPTS = 5;
const RETRY_MS = 1_000;
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/** Thrown when the drill cannot go on. The message is for operators. */
export class DrillFailed extends Error {
  override readonly name = 'DrillFailed';
}

/** Where the installation is, and by what it is administered. */
export interface Installation {
  /** Without a trailing slash, as `internalUrl` is. */
  readonly url: string;
  /** Where operators' routes are. */
  readonly internalUrl: string;
  readonly adminToken: string;
}

/** An answer, read. */
export interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Credentials {
  readonly id: string;
  readonly secret: string;
}

/** A mandate of a session of its own, and one for the resource that came from it. */
export interface DrillMandate {
  readonly sessionId: string;
  readonly session: string;
  readonly mandate: string;
}

/** What a drill has set up in a zone, and takes down again. */
export class DrillZone {
  private constructor(
    private readonly at: Installation,
    readonly zoneId: string,
    private readonly client: Credentials,
    private readonly owner: Credentials,
    private readonly receiver: Credentials,
    private readonly resource: string,
    private readonly undo: readonly string[],
  ) {}

  /**
   * Sets up a client, and a resource with an owner that verifies its mandates.
   *
   * @param zoneId of a zone whose policy permits it; `null` for a zone of the drill's own
   * @throws {DrillFailed}
   */
  static async open(at: Installation, zoneId: string | null): Promise<DrillZone> {
    const name = `revocation drill ${randomUUID()}`;
    const undo: string[] = [];
    try {
      const zone = zoneId ?? String((await admin(at, 'POST', '/zones', { name }))['id']);
      if (zoneId === null) undo.push(`/zones/${zone}`);
      const add = async (path: string, body: object) => {
        const made = await admin(at, 'POST', `/zones/${zone}${path}`, body);
        // What goes with the zone need not be removed.
        if (zoneId !== null) undo.unshift(`/zones/${zone}${path}/${String(made['id'])}`);
        return made;
      };
      const newClient = async (what: string, more: object = {}): Promise<Credentials> => {
        const made = await add('/clients', { name: `${name}, ${what}`, ...more });
        return { id: String(made['id']), secret: String(made['client_secret']) };
      };
      const [client, owner] = [await newClient('client'), await newClient('owner')];
      const receiver = await newClient('receiver', { ssf: true });
      const resource = `urn:mandate:drill:${randomUUID()}`;
      await add('/resources', {
        identifier: resource,
        scopes: ['drill'],
        owner_client_id: owner.id,
        revocation: 'status_list',
      });
      if (zoneId === null) await permitAll(at, zone);
      return new DrillZone(at, zone, client, owner, receiver, resource, undo);
    } catch (error) {
      await removeAll(at, undo);
      throw error;
    }
  }

  /** Removes what {@link open} has made. @returns the paths of what is left, if it does not work */
  close(): Promise<string[]> {
    return removeAll(this.at, this.undo);
  }

  /** Base of the zone's own paths. */
  get url(): string {
    return `${this.at.url}/zones/${this.zoneId}`;
  }

  /** The value of the header Authorization of who verifies. */
  get authorization(): string {
    const { id, secret } = this.owner;
    return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  }

  /** Opens a session, and gets a mandate for the resource from it. @throws {DrillFailed} if it is not permitted */
  async issue(): Promise<DrillMandate> {
    const { resource } = this;
    const opened = await this.ask({ grant_type: 'client_credentials', resource, scope: 'drill' });
    const session = tokenOf(opened);
    const mandate = tokenOf(await this.exchange(session));
    return { sessionId: String(claimsOf(session)['sid']), session, mandate };
  }

  /** Exchanges a session mandate for one for the resource. */
  exchange(session: string): Promise<Answered> {
    return this.ask({
      grant_type: TOKEN_EXCHANGE,
      subject_token: session,
      subject_token_type: ACCESS_TOKEN,
      resource: this.resource,
      scope: 'drill',
    });
  }

  /** Takes a session back, and all that came from it. @throws {DrillFailed} */
  async revoke(sessionId: string): Promise<void> {
    await admin(this.at, 'DELETE', `/zones/${this.zoneId}/sessions/${sessionId}`);
  }

  /** A bearer token of the receiver of shared signals; `null` if it is not permitted. */
  async receiverToken(): Promise<string | null> {
    const { id, secret } = this.receiver;
    const { body } = await send(`${this.url}/oauth/2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: id,
        client_secret: secret,
        scope: 'ssf.manage',
      }),
    });
    const token = body['access_token'];
    return typeof token === 'string' ? token : null;
  }

  private ask(parameters: Record<string, string>): Promise<Answered> {
    const { id, secret } = this.client;
    const body = new URLSearchParams({ ...parameters, client_id: id, client_secret: secret });
    return send(`${this.url}/oauth/2/token`, { method: 'POST', body });
  }
}

/** The claims of a token that was got from its issuer. */
export function claimsOf(token: string): Record<string, unknown> {
  return objectIn(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

/** Sends a request. An answer that is not JSON has an empty body here. @throws {DrillFailed} if there is none */
export async function send(url: string, init: RequestInit = {}): Promise<Answered> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, body: objectIn(await response.text()) };
  } catch (error) {
    throw new DrillFailed(`${new URL(url).origin} does not answer`, { cause: error });
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function tokenOf({ status, body }: Answered): string {
  const token = body['access_token'];
  if (status === 200 && typeof token === 'string') return token;
  const { error, error_description: description } = body;
  throw new DrillFailed(
    `no mandate was issued: ${status} ${String(error)}: ${String(description)}`,
  );
}

async function admin(
  { internalUrl, adminToken }: Installation,
  method: string,
  path: string,
  body?: object,
): Promise<Answered['body']> {
  const ask = () =>
    send(`${internalUrl}/internal${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const answer = method === 'DELETE' ? await untilKnown(ask) : await ask();
  if (answer.status < 300) return answer.body;
  const why = String(answer.body['error_description']);
  throw new DrillFailed(`${method} ${path}: ${answer.status} ${why}`);
}

async function permitAll(at: Installation, zoneId: string): Promise<void> {
  const base = `/zones/${zoneId}`;
  const policy = await admin(at, 'POST', `${base}/policies`, {
    name: 'drill',
    content: '@id("drill") permit (principal, action, resource);',
  });
  const set = await admin(at, 'POST', `${base}/policy-sets`, { name: 'drill' });
  const first: unknown = Reflect.get(Object(policy['version']), 'id');
  const version = await admin(at, 'POST', `${base}/policy-sets/${String(set['id'])}/versions`, {
    policy_version_ids: [first],
  });
  await admin(at, 'PUT', `${base}/policy`, { policy_set_version_id: version['id'] });
}

async function removeAll(at: Installation, paths: readonly string[]): Promise<string[]> {
  const left: string[] = [];
  for (const path of paths) {
    await admin(at, 'DELETE', path).catch(() => left.push(path));
  }
  return left;
}

/** Asks for what may be asked for again, until it is known whether it was done: a busy installation may answer 503. */
async function untilKnown(ask: () => Promise<Answered>): Promise<Answered> {
  for (let attempt = 1; ; attempt += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask();
    // Done by the time before, of which that was not known.
    if (answer.status === 404 && attempt > 1) return { ...answer, status: 204 };
    if (answer.status !== 503 || attempt === ATTEMPTS) return answer;
    // oxlint-disable-next-line no-await-in-loop
    await sleep(RETRY_MS);
  }
}
