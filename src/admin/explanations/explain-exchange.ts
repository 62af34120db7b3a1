import { duration } from '../../step-up/describe-challenge.js';
import type { ExplainedDecision, ExplainedPolicy, Explanation, Told } from './explanation.js';
import { exchangeStages } from './exchange-stages.js';
import {
  isRecord,
  memberAt,
  numberAt,
  recordsAt,
  textAt,
  textsAt,
  type RecordedObject,
} from './recorded.js';
import { remediesFor } from './remedies.js';
import type { KnownNow } from './known-now.js';

/** What an explanation needs beside what is recorded. */
export interface KnownOfExchange extends KnownNow {
  /** The names of clients, by id. */
  readonly names: ReadonlyMap<string, string>;
  /** Policies where they stand, by their names in verdicts; a name that is not there cannot be told any more. */
  readonly places: ReadonlyMap<string, ExplainedPolicy>;
  /** Who decided on the challenge, in words. */
  readonly deciders: readonly string[];
}

type Words = Pick<
  Explanation,
  'summary' | 'asked' | 'stages' | 'narrowed' | 'decisions' | 'result' | 'changes' | 'would_pass'
>;

/** Explains the recorded event of a token request. */
export function explainExchange(event: RecordedObject, known: KnownOfExchange): Words {
  const decisions = explainDecisions(event, known);
  const issued = textAt(event, 'outcome') === 'issued';
  return {
    summary: summarize(event, known.names),
    asked: asked(event, known.names),
    stages: exchangeStages(event, decisions),
    narrowed: issued ? narrowed(event, decisions) : [],
    decisions,
    result: result(event, known),
    changes: [],
    would_pass: issued ? [] : remediesFor(event, decisions, known),
  };
}

function explainDecisions(event: RecordedObject, { places }: KnownOfExchange): ExplainedDecision[] {
  return recordsAt(event, 'policy', 'decisions').map((decision) => {
    const by = recordsAt(decision, 'determining_policies').map((policy): ExplainedPolicy => {
      const name = textAt(policy, 'policy') ?? '';
      const reason = textAt(policy, 'reason');
      return {
        ...places.get(name),
        policy: name,
        effect: textAt(policy, 'effect') ?? '',
        ...(reason === null ? {} : { reason }),
      };
    });
    const verdict = textAt(decision, 'decision') ?? '';
    const resource = textAt(decision, 'resource') ?? '';
    return {
      resource,
      decision: verdict,
      text: inWords(decision, resource, verdict, by),
      determined_by: by,
    };
  });
}

function inWords(
  decision: RecordedObject,
  resource: string,
  verdict: string,
  by: readonly ExplainedPolicy[],
): string {
  if (textAt(decision, 'evaluation_status') === 'error') {
    const [first] = recordsAt(decision, 'diagnostics');
    const message = first === undefined ? null : textAt(first, 'message');
    const where = first === undefined ? null : textAt(first, 'policy');
    return `policy could not be evaluated for ${resource}, so it was denied${message === null ? '' : `: ${message}`}${where === null ? '' : ` (${where})`}`;
  }
  const named = by.map(nameOf).join(', ');
  if (verdict === 'allow') return `${resource} is permitted by ${named}`;
  if (verdict === 'step_up') {
    const type = textAt(decision, 'step_up_required') ?? 'a step-up';
    return `${named} demands that ${type} is confirmed for ${resource}`;
  }
  if (by.length === 0) return `nothing permits ${resource}`;
  return `${named} forbids ${resource}`;
}

/** A policy by its name, with where it stands and the reason that its author gave. */
function nameOf({ policy, module, version, line, reason }: ExplainedPolicy): string {
  const place = [
    ...(module === undefined || module === policy ? [] : [`in "${module}"`]),
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(line === undefined ? [] : [`line ${line}`]),
  ].join(', ');
  const why = reason === undefined ? '' : `: "${reason}"`;
  return `"${policy}"${place === '' ? '' : ` (${place})`}${why}`;
}

function summarize(event: RecordedObject, names: ReadonlyMap<string, string>): string {
  const resources = textsAt(event, 'requested', 'resources') ?? [];
  const scope = textsAt(event, 'requested', 'scope') ?? textsAt(event, 'mandate', 'scope');
  const what = [
    scope === null || scope.length === 0 ? 'a mandate' : scope.join(' '),
    ...(resources.length === 0 ? [] : [`on ${resources.join(', ')}`]),
  ].join(' ');
  const subject = subjectOf(event, names);
  const who = client(event, names);
  return `${who.charAt(0).toUpperCase()}${who.slice(1)} asked for ${what}${subject === null ? '' : `, on behalf of ${subject}`}: ${endOf(event)}.`;
}

function endOf(event: RecordedObject): string {
  const outcome = textAt(event, 'outcome') ?? '';
  if (outcome === 'issued') {
    const life = lifeOf(event);
    return `issued${life === null ? '' : `, for ${duration(life)}`}`;
  }
  const error = textAt(event, 'error');
  if (error === 'interaction_required') return 'held until it is confirmed';
  return `${outcome}${error === null ? '' : ` (${error})`}`;
}

function client(event: RecordedObject, names: ReadonlyMap<string, string>): string {
  const id = textAt(event, 'client_id');
  if (id !== null) return called(id, names);
  const claimed = textAt(event, 'claimed_client_id');
  return claimed === null ? 'Somebody' : `Somebody who claims to be ${called(claimed, names)}`;
}

function called(id: string, names: ReadonlyMap<string, string>): string {
  const name = names.get(id);
  return name === undefined ? `the client ${id}` : `the client "${name}" (${id})`;
}

function subjectOf(event: RecordedObject, names: ReadonlyMap<string, string>): string | null {
  return principal(memberAt(event, 'subject'), names);
}

function principal(value: unknown, names: ReadonlyMap<string, string>): string | null {
  if (!isRecord(value)) return null;
  const sub = textAt(value, 'sub') ?? '';
  const issuer = textAt(value, 'sub_iss');
  if (textAt(value, 'sub_type') === 'application') return called(sub, names);
  return issuer === null ? sub : `${sub} of ${issuer}`;
}

function asked(event: RecordedObject, names: ReadonlyMap<string, string>): Told[] {
  const ttl = numberAt(event, 'requested', 'ttl_seconds');
  const listed = (...path: readonly string[]) => textsAt(event, ...path)?.join(' ') ?? null;
  const types = listed('requested', 'authorization_details_types');
  const details = memberAt(event, 'requested', 'authorization_details');
  const maxAge = numberAt(event, 'requested', 'max_age');
  return told([
    ['client', textAt(event, 'client_id') === null ? null : client(event, names)],
    ['claimed client', claimedClient(event, names)],
    ['by', memberAt(event, 'through_gateway') === true ? 'a gateway' : null],
    ['grant', textAt(event, 'grant_type')],
    ['subject', subjectOf(event, names)],
    ['subject token', textAt(event, 'subject', 'jti')],
    ['actor', principal(memberAt(event, 'actor'), names)],
    ['workload', workload(event)],
    ['resources', listed('requested', 'resources')],
    ['scopes', listed('requested', 'scope')],
    ['details', details === undefined ? types : JSON.stringify(details)],
    ['life', ttl === null ? null : duration(ttl)],
    ['agent session', textAt(event, 'requested', 'agent_session_id')],
    ['delegation', textAt(event, 'requested', 'delegation_edge_id')],
    ['authentication', listed('requested', 'acr_values')],
    ['authenticated within', maxAge === null ? null : duration(maxAge)],
    ['challenge', textAt(event, 'requested', 'challenge_id')],
  ]);
}

function claimedClient(event: RecordedObject, names: ReadonlyMap<string, string>): string | null {
  const id = textAt(event, 'claimed_client_id');
  return id === null ? null : called(id, names);
}

function workload(event: RecordedObject): string | null {
  const known = ['federated_identity', 'claimed_identity'].find((name) =>
    isRecord(memberAt(event, name)),
  );
  if (known === undefined) return null;
  return `${textAt(event, known, 'subject') ?? ''} of ${textAt(event, known, 'issuer') ?? ''}`;
}

/** What made less of a mandate than was asked for, as far as that is recorded. */
function narrowed(event: RecordedObject, decisions: readonly ExplainedDecision[]): string[] {
  const granted = textsAt(event, 'mandate', 'scope') ?? [];
  const wanted = textsAt(event, 'requested', 'scope');
  const lost = (wanted ?? []).filter((scope) => !granted.includes(scope));
  const caps = recordsAt(event, 'policy', 'decisions').flatMap((decision, n) => {
    const seconds = numberAt(decision, 'max_ttl_seconds');
    if (seconds === null) return [];
    const by = decisions[n]?.determined_by.map(nameOf).join(', ') ?? 'policy';
    return [`${by} lets it live ${duration(seconds)} at most.`];
  });
  const lifespan = numberAt(event, 'access_token_lifespan');
  const inherits = wanted === null && isRecord(memberAt(event, 'subject'));
  return [
    ...(inherits
      ? [
          'No scope was asked for: it has those of the subject token that its resources, the client and the delegation allow.',
        ]
      : []),
    ...(lost.length === 0 ? [] : [`Not granted: ${lost.join(' ')}.`]),
    ...caps,
    ...(lifespan === null ? [] : [`The client's mandates live ${duration(lifespan)} at most.`]),
    ...shortened(event),
  ];
}

/** That a mandate lives shorter than was asked for, by more than is said of it elsewhere. */
function shortened(event: RecordedObject): string[] {
  const [wanted, life] = [numberAt(event, 'requested', 'ttl_seconds'), lifeOf(event)];
  if (wanted === null || life === null || life >= wanted) return [];
  return [
    `It lives ${duration(life)}, not ${duration(wanted)}: no longer than what it rests on, and what is said above.`,
  ];
}

function lifeOf(event: RecordedObject): number | null {
  const [exp, iat] = [numberAt(event, 'mandate', 'exp'), numberAt(event, 'mandate', 'iat')];
  return exp === null || iat === null ? null : exp - iat;
}

function result(event: RecordedObject, { challenge, deciders }: KnownOfExchange): Told[] {
  const life = lifeOf(event);
  const id = textAt(event, 'challenge', 'id');
  const type = textAt(event, 'challenge', 'type');
  return told([
    ['mandate', textAt(event, 'mandate', 'jti')],
    ['for', textAt(event, 'mandate', 'aud') ?? textsAt(event, 'mandate', 'aud')?.join(' ') ?? null],
    ['scopes', textsAt(event, 'mandate', 'scope')?.join(' ') ?? null],
    ['life', life === null ? null : duration(life)],
    ['session', textAt(event, 'mandate', 'sid')],
    ['key', textAt(event, 'mandate', 'kid')],
    ['challenge', id === null ? null : `${id} (${type ?? challenge?.type ?? ''})`],
    ['state of the challenge', id === null ? null : (challenge?.state ?? 'not known any more')],
    ['decided by', deciders.length === 0 ? null : deciders.join('; ')],
  ]);
}

/** What is there of a list. */
export function told(of: readonly (readonly [name: string, value: string | null])[]): Told[] {
  return of.flatMap(([name, value]) => (value === null || value === '' ? [] : [{ name, value }]));
}
