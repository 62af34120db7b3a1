import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A key for `STREAMS_HMAC_KEY`. */
export const STREAMS_KEY = createHash('sha256').update('streams key of tests').digest('hex');

/** The stream that gateways read. */
export const STREAM = 'caracal.sessions.revoke';

/** What a gateway has marked as revoked, in the order in which it has come to be. */
export interface Marked {
  readonly sessions: readonly string[];
  readonly agents: readonly string[];
  readonly edges: readonly string[];
}

type Entry = Readonly<Record<string, string>>;

/**
 * Reads entries of the stream as Caracal's gateway does: one whose signature is not right is dropped, and of the others
 * each member that it knows marks something. An entry without any, which it would put aside, is an error here.
 */
export function readAsGateway(entries: readonly Entry[], key = STREAMS_KEY): Marked {
  const verified = entries.filter((entry) => isSigned(entry, Buffer.from(key, 'hex')));
  const all = (member: string) => verified.flatMap((entry) => entry[member] ?? []);
  const marked = {
    sessions: all('session_id'),
    agents: all('agent_session_id'),
    edges: all('delegation_edge_id'),
  };
  const { sessions, agents, edges } = marked;
  if (sessions.length + agents.length + edges.length !== verified.length) {
    throw new Error('an entry has not one member that gateways know');
  }
  return marked;
}

function isSigned(entry: Entry, key: Buffer): boolean {
  const { _sig: signature = '', ...members } = entry;
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  let text = `${STREAM}\n`;
  for (const name of Object.keys(members).toSorted()) text += `${name}=${members[name]}\n`;
  const wanted = createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(wanted, Buffer.from(signature, 'hex'));
}
