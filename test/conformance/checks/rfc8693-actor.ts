import { isDeepStrictEqual } from 'node:util';
import { describeAnswer, isGranted } from '../answer.js';
import type { Server } from '../server.js';
import { decodeToken } from '../tokens.js';
import { applies, Blocked, must } from '../verdict.js';
import { tokenType } from '../vocabulary.js';
import type { Check } from './check.js';

/** Claims that do not say who somebody is, at least not alone. */
const NO_IDENTITY = new Set(['act', 'aud', 'exp', 'iat', 'iss', 'jti', 'nbf']);

type Members = Readonly<Record<string, unknown>>;

/** RFC 8693 4.1: the claim `act`. */
export const RFC8693_ACTOR = {
  'rfc8693-4.1-present': async (server) => {
    const { claims } = server.decoded(await server.delegated());
    must('act' in claims, 'the issued token has no act');
  },
  'rfc8693-4.1-object': async (server) => {
    const { claims } = server.decoded(await server.delegated());
    applies('act' in claims, 'the issued token has no act');
    must(membersOf(claims['act']) !== null, `act is ${JSON.stringify(claims['act'])}`);
  },
  'rfc8693-4.1-identity': async (server) => {
    const act = await actorOf(server);
    const names = Object.keys(act);
    must(
      names.some((name) => !NO_IDENTITY.has(name)),
      `act has nothing that says who acts: ${JSON.stringify(act)}`,
    );
    const actor = decodeToken((await server.actor()).actor_token)?.claims;
    const { iss } = server.decoded(await server.delegated()).claims;
    // Another issuer may have another name for the same party.
    if (actor === undefined || !('sub' in act) || actor['iss'] !== iss) return;
    must(
      actor['sub'] === act['sub'],
      `act.sub is ${String(act['sub'])}, not ${String(actor['sub'])}`,
    );
  },
  'rfc8693-4.1-only-identity': async (server) => {
    const act = await actorOf(server);
    const others = ['exp', 'nbf', 'aud'].filter((name) => name in act);
    must(others.length === 0, `act has ${others.join(' and ')}`);
  },
  'rfc8693-4.1-subject': async (server) => {
    const subject = decodeToken(await server.subjectToken())?.claims['sub'];
    applies(subject !== undefined, 'the subject token is no JWT');
    const { sub } = server.decoded(await server.delegated()).claims;
    must(sub === subject, `sub is ${String(sub)}, that of the subject token ${String(subject)}`);
  },
  'rfc8693-4.1-nested': async (server) => {
    const before = await actorOf(server);
    const now = await actorDownstream(server);
    applies(!isDeepStrictEqual(now, before), 'the client downstream does not become an actor');
    const inner = membersOf(now['act']);
    applies(inner !== null, 'the token does not say who acted before');
    must(
      inner['sub'] === before['sub'],
      `after the actor ${String(before['sub'])}, act is ${JSON.stringify(now)}`,
    );
  },
} satisfies Record<string, Check>;

async function actorOf(server: Server): Promise<Members> {
  const act = membersOf(server.decoded(await server.delegated()).claims['act']);
  applies(act !== null, 'the issued token has no act');
  return act;
}

/** The actor of a token that was exchanged once more by the client downstream. */
async function actorDownstream(server: Server): Promise<Members> {
  const { downstream } = server.configuration;
  if (downstream === undefined) throw new Error('no client downstream is configured');
  const { access_token: token } = (await server.delegated()).body;
  const { client, parameters } = downstream;
  const target = { resource: undefined, audience: undefined, scope: undefined };
  const subject = {
    subject_token: String(token),
    subject_token_type: tokenType('access_token'),
  };
  const answer = await server.exchange({ ...target, ...parameters, ...subject }, { client });
  if (!isGranted(answer)) {
    throw new Blocked(`the exchange of the client downstream: ${describeAnswer(answer)}`);
  }
  const act = membersOf(server.decoded(answer).claims['act']);
  must(act !== null, 'after another exchange the token has no act');
  return act;
}

function membersOf(value: unknown): Members | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
