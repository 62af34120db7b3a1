import { isUuid } from '../oauth/vocabulary.js';
import { jsonOf, jsonOfText } from './event-text.js';
import type { AuditEvent, Committed, Entry, Fact, Nonce, Otherwise, SeenSubject } from './entry.js';

/** Nothing, in an array of PostgreSQL. */
export const NULL = 'NULL';

/** A fact as `ledger_commit_entries` takes it. */
export interface WrittenFact {
  readonly kind:
    Fact['kind'] | 'settings_version' | 'client_version' | 'labels' | 'graph' | 'absent_client';
  /** What it is about, a UUID; {@link NULL} if that takes more. */
  readonly id: string;
  /** What else it says, without control characters: words for a kind that is common, JSON for others. */
  readonly details: string;
  /** What the event says if it does not hold: members as JSON without braces; `null` if the entry is stale then. */
  readonly refusal: string | null;
  readonly outcome: Otherwise['outcome'];
}

/** An entry as text. The event's members are JSON without braces and without control characters. */
export interface WrittenEntry {
  readonly entry: Entry;
  /** Its facts, and then what it was evaluated on. */
  readonly facts: readonly WrittenFact[];
  /** Whether a change that closes the gate of its zone is a matter to it (gate.sql). */
  readonly gated: boolean;
  /** What the event says in any case. */
  readonly head: string;
  /** What it says only if every fact holds. */
  readonly tail: string;
  /** UUIDs, or {@link NULL}. */
  readonly jti: string;
  readonly clientId: string;
  /** The client of whom it begets a session or a challenge. */
  readonly neededClient: string;
}

/** Thrown for an entry that cannot be recorded, whatever the database says: a fault of ours. */
export class UnwritableEntry extends Error {
  override readonly name = 'UnwritableEntry';
}

/** Members that the ledger itself writes in front of every event. */
const OF_THE_LEDGER: ReadonlySet<string> = new Set([
  'id',
  'zone_id',
  'writer',
  'occurred_at',
  'seq',
]);

/** Members that a refusal replaces or takes away. */
const OF_THE_OUTCOME: ReadonlySet<string> = new Set([
  'outcome',
  'error',
  'reason',
  'stage',
  'mandate',
]);

/**
 * Writes an entry as text, once: whether its facts hold is known only in the commit, so what its event says in
 * either case is written apart.
 *
 * @throws {UnwritableEntry} if something in it has not the form that it must have
 */
export function writeEntry(entry: Entry): WrittenEntry {
  const { event, takes_back: takenBack } = entry;
  const mandate = event['mandate'];
  uuid(entry.event_id);
  uuid(entry.zone_id);
  for (const text of [event.request_id, event.request_label ?? '', event.type, event.outcome]) {
    plain(text);
  }
  for (const begot of [entry.session, entry.proof, entry.challenge, entry.listed]) {
    if (begot !== undefined) exact(begot);
  }
  const facts = [
    ...entry.facts.map((fact, place) => writeFact(fact, place)),
    ...evaluatedOn(entry),
  ];
  if (takenBack !== undefined) {
    uuid(takenBack.jti);
    uuid(takenBack.session_id);
    // It would be inside the gate that it closes.
    if (facts.length > 0) throw new UnwritableEntry('what takes something back rests on nothing');
  }
  return {
    entry,
    facts,
    gated:
      entry.facts.length > 0 ||
      [entry.settings_version, entry.clients].some((one) => one !== undefined),
    ...writeEvent(entry),
    jti: uuid(isRecord(mandate) ? mandate['jti'] : undefined),
    clientId: uuid(event['client_id']),
    neededClient: neededClient(entry),
  };
}

function writeEvent({ event, challenge }: Entry): Pick<WrittenEntry, 'head' | 'tail'> {
  let [head, tail] = ['', ''];
  for (const name of Object.keys(event)) {
    // The ledger itself says which challenge it has opened.
    if (OF_THE_LEDGER.has(name) || (name === 'challenge' && challenge !== undefined)) continue;
    const json = jsonOf(event[name]);
    if (json === undefined) continue;
    const member = `${jsonOfText(name)}:${json}`;
    if (OF_THE_OUTCOME.has(name)) tail += tail === '' ? member : `,${member}`;
    else head += head === '' ? member : `,${member}`;
  }
  return { head: storable(head), tail: storable(tail) };
}

/** What the event of an entry says now that it is recorded, but for what the ledger itself has written. */
export function eventOnRecord(
  { event }: Entry,
  committed: Exclude<Committed, { status: 'stale' }>,
): Readonly<Record<string, unknown>> {
  if (committed.status === 'recorded') return event;
  const rest = Object.entries(event).filter(([name]) => !OF_THE_OUTCOME.has(name));
  return { ...Object.fromEntries(rest), ...committed.fact.otherwise };
}

function writeFact(fact: Fact, place: number): WrittenFact {
  const { outcome, error, reason, stage } = fact.otherwise;
  const at = stage === undefined ? '' : `,"stage":${quoted(stage)}`;
  const refusal = `"outcome":${quoted(outcome)},"error":${quoted(error)},"reason":${quoted(reason)}${at}`;
  const { id, details } = about(fact, place);
  return { kind: fact.kind, id, details, refusal, outcome };
}

function quoted(text: string): string {
  return storable(jsonOfText(text));
}

/**
 * What an entry was evaluated on, for the commit to compare: if it has moved, nothing is recorded. A member that nobody
 * writes would not be compared, so there is none.
 */
function evaluatedOn(entry: Entry): WrittenFact[] {
  const facts: WrittenFact[] = [];
  const compare = ({ kind, id, details }: Pick<WrittenFact, 'kind' | 'id' | 'details'>): void => {
    facts.push({ kind, id, details, refusal: null, outcome: 'failed' });
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what else there may be is refused
  for (const name of Object.keys(entry) as (keyof Entry)[]) {
    switch (name) {
      case 'event_id':
      case 'zone_id':
      case 'facts':
      case 'session':
      case 'proof':
      case 'challenge':
      case 'listed':
      case 'takes_back':
      case 'event':
        break;
      case 'settings_version':
        if (entry[name] !== undefined) {
          compare({ kind: 'settings_version', id: NULL, details: word(entry[name]) });
        }
        break;
      case 'clients':
        for (const { id, version } of entry[name] ?? []) {
          compare({
            kind: 'client_version',
            id: uuid(id),
            details: version === null ? '' : word(version),
          });
        }
        break;
      case 'labels':
        if (entry[name] !== undefined) {
          compare({ kind: 'labels', id: NULL, details: exact(entry[name]) });
        }
        break;
      case 'subject':
        if (entry[name] !== undefined) {
          const details = generationDetails(entry[name]);
          compare({ kind: 'generation_current', id: NULL, details });
        }
        break;
      case 'absent_client':
        if (entry[name] !== undefined) {
          compare({ kind: 'absent_client', id: uuid(entry[name]), details: '' });
        }
        break;
      case 'graph':
        if (entry[name] !== undefined) {
          compare({ kind: 'graph', id: NULL, details: exact(entry[name]) });
        }
        break;
      default:
        throw new UnwritableEntry(`unknown member ${String(name satisfies never)}`);
    }
  }
  return facts;
}

/** A subject and its generation as facts.sql reads them. */
function generationDetails({ key, generation }: SeenSubject): string {
  return `${word(key)} ${word(`${generation}`)}`;
}

/** A nonce as facts.sql reads it. */
export function nonceDetails({ purpose, nonce, day, signedAt }: Nonce): string {
  const words = [purpose, nonce, day, ...(signedAt === undefined ? [] : [String(signedAt)])];
  return words.map(word).join(' ');
}

/** What a fact is about. A kind is read in facts.sql. */
function about(fact: Fact, place: number): Pick<WrittenFact, 'id' | 'details'> {
  switch (fact.kind) {
    case 'session_live':
    case 'agent_session_live':
      return { id: uuid(fact.id), details: '' };
    case 'token_not_revoked':
      return { id: uuid(fact.jti), details: '' };
    case 'generation_current':
      return { id: NULL, details: generationDetails(fact) };
    case 'clock_agrees':
      return { id: NULL, details: `${word(`${fact.now}`)} ${word(`${fact.tolerance}`)}` };
    case 'nonce_unspent':
      // Whatever else does not hold, it is spent.
      if (place !== 0) throw new UnwritableEntry('a nonce is the first fact of its entry');
      return { id: NULL, details: nonceDetails(fact) };
    case 'delegation_live': {
      const { id, versions } = fact;
      const details = versions === undefined ? '' : exact(versions);
      return { id: uuid(id), details };
    }
    case 'agency_live': {
      const ids = [fact.sessions, fact.clients].map((some) => some.map(uuid).join());
      return { id: NULL, details: [fact.until, ...ids].join(' ') };
    }
    case 'delegation_unspent':
    case 'challenge_satisfied':
    case 'challenge_allowed': {
      const { otherwise: _, ...rest } = fact;
      return { id: NULL, details: exact(rest) };
    }
    default:
      throw new UnwritableEntry(
        `unknown fact ${String(Reflect.get(fact satisfies never, 'kind'))}`,
      );
  }
}

function neededClient({ session, challenge }: Entry): string {
  if (session !== undefined) return uuid(session.client_id);
  return challenge === undefined ? NULL : uuid(Reflect.get(challenge, 'client_id'));
}

/**
 * JSON that PostgreSQL can read as `jsonb`, which holds neither U+0000 nor half of a surrogate pair: an escape of one
 * becomes the text of the escape.
 *
 * @param json as `JSON.stringify` makes it: whatever else is a control character is escaped
 */
export function storable(json: string): string {
  if (!json.includes(String.raw`\u0000`) && !json.includes(String.raw`\ud`)) return json;
  return json.replaceAll(/(\\+)u(0000|d[89a-f][0-9a-f]{2})/g, (escape, slashes: string, code) =>
    slashes.length % 2 === 0 ? escape : `${slashes}\\u${code}`,
  );
}

/** JSON of what is kept or compared: with other words it would be that of another subject. */
function exact(value: object): string {
  const json = JSON.stringify(value);
  if (storable(json) !== json) {
    throw new UnwritableEntry('a name has characters that the database does not hold');
  }
  return json;
}

/** A UUID in small letters, {@link NULL} for nothing. */
function uuid(value: unknown): string {
  if (value === undefined || value === null) return NULL;
  if (typeof value !== 'string' || !isUuid(value)) throw new UnwritableEntry('an id is no UUID');
  return value;
}

/** A word, which has nothing that columns are separated by. */
function word(value: string): string {
  if (!/^[\w.:-]+$/.test(value)) throw new UnwritableEntry('a detail of a fact is no word');
  return value;
}

/** Text without control characters and surrogates, so that a column says the same as the event. */
function plain(value: unknown): void {
  if (typeof value !== 'string' || !/^[ -\ud7ff\ue000-\uffff]*$/.test(value)) {
    throw new UnwritableEntry('a name of the request has characters that it must not have');
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** What an event says of the outcome, by which a look-up tells what became of an entry. */
export function outcomeOf(event: Readonly<Record<string, unknown>> | AuditEvent): string {
  return JSON.stringify([event['outcome'], event['error'], event['reason']]);
}
