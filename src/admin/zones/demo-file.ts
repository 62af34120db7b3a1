import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK } from 'jose';

/** The file in the data directory that has the credentials of the demo. */
export function demoFileIn(dataDir: string): string {
  return join(dataDir, 'demo.json');
}

/** What a newcomer needs for a first request; the content of `demo.json`. */
export interface DemoFile {
  readonly issuer: string;
  readonly zone_id: string;
  readonly application_id: string;
  readonly client_secret: string;
  readonly resource: string;
  readonly scope: string;
  /** What takes an approval; absent in a demo zone that is older than step-up. */
  readonly step_up?: { readonly resource: string; readonly scope: string };
  /** Whose confirmation a request takes; absent in a demo zone that is older than the person. */
  readonly person?: DemoPerson;
  readonly admin_token: string | undefined;
}

/**
 * The person of the demo, who exists in its zone only: what a request in that person's name is made of, and what it is
 * confirmed with.
 */
export interface DemoPerson {
  readonly subject: string;
  /** Who says that it is this person: an issuer whose key is {@link signing_jwk}, trusted by the demo zone alone. */
  readonly issuer: string;
  readonly audience: string;
  readonly signing_jwk: JWK;
  /** What takes the confirmation of the person. */
  readonly resource: string;
  readonly scope: string;
  /** The authenticator app: its id, and its key in base32, for an app of one's own. */
  readonly authenticator_id: string;
  readonly totp_secret: string;
  /** The secret of the link that asks for a confirmation. */
  readonly page_secret: string;
}

/** Reads `demo.json`. @returns `null` if it is not there, or not whole */
export async function readDemoFile(path: string): Promise<DemoFile | null> {
  try {
    const demo: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isDemoFile(demo) ? demo : null;
  } catch {
    // Half a file is as good as none: it is written anew.
    return null;
  }
}

function isDemoFile(value: unknown): value is DemoFile {
  if (typeof value !== 'object' || value === null) return false;
  const texts = ['zone_id', 'application_id', 'client_secret', 'resource', 'scope'];
  return texts.every((name) => typeof Reflect.get(value, name) === 'string');
}

/** A curl configuration that asks for a mandate. It keeps the secret out of the command line, the terminal and the log. */
export function curlConfig(demo: DemoFile): string {
  const parameters = {
    grant_type: 'client_credentials',
    client_id: demo.application_id,
    client_secret: demo.client_secret,
    resource: demo.resource,
    scope: demo.scope,
  };
  return Object.entries(parameters)
    .map(([name, value]) => `data-urlencode = "${name}=${value}"\n`)
    .join('');
}
