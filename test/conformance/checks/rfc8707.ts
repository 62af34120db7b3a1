import { describeAnswer, isGranted } from '../answer.js';
import type { Server } from '../server.js';
import { audienceValues, sameValues } from '../tokens.js';
import { applies, must } from '../verdict.js';
import { UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';
import { mustBeError, mustBeRefused } from './refusal.js';

/** RFC 8707 2: the parameter `resource`. */
export const RFC8707_CHECKS = {
  'rfc8707-2-absolute-uri': async (server) => {
    mustBeRefused(await withRelative(server), 'a relative resource');
  },
  'rfc8707-2-no-fragment': async (server) => {
    await server.granted();
    const { resource = '' } = server.configuration;
    const answer = await server.request({ resource: `${resource}#fragment` });
    mustBeRefused(answer, 'a resource with a fragment');
  },
  'rfc8707-2-malformed-error': async (server) => {
    mustBeError(await withRelative(server), 'invalid_target', 'a relative resource');
  },
  'rfc8707-2-unknown-error': async (server) => {
    await server.granted();
    const answer = await server.request({ resource: UNKNOWN.target });
    mustBeError(answer, 'invalid_target', 'an unknown resource');
  },
  'rfc8707-2-missing-error': async (server) => {
    await server.granted();
    const answer = await server.request({ resource: undefined });
    if (!isGranted(answer)) mustBeError(answer, 'invalid_target', 'no resource');
  },
  'rfc8707-2-audience': async (server) => {
    const { resource, other_resource: other } = server.configuration;
    const aud = audienceValues(server.decoded(await server.granted()).claims['aud']);
    must(aud.length > 0, 'the token has no aud');
    if (aud.includes(resource)) {
      must(other === undefined || !aud.includes(other), `aud is ${aud.join()}`);
      return;
    }
    // The server may map a resource to an audience; another resource then has another one.
    applies(other !== undefined, `aud is ${aud.join()}: with other_resource it could be compared`);
    const answer = await server.request({ resource: other });
    applies(isGranted(answer), `aud is ${aud.join()}, and other_resource is refused`);
    const otherAud = audienceValues(server.decoded(answer).claims['aud']);
    must(!sameValues(aud, otherAud), `aud is ${aud.join()} for either resource`);
  },
  'rfc8707-2-several': async (server) => {
    const { resource = [], other_resource: other = [] } = server.configuration;
    await server.granted();
    const both = [resource, other].flat();
    const answer = await server.request({ resource: both });
    applies(isGranted(answer), `two resources: ${describeAnswer(answer)}`);
    const aud = audienceValues(server.decoded(answer).claims['aud']);
    applies(
      both.every((one) => aud.includes(one)),
      `aud is ${aud.join()}`,
    );
  },
} satisfies Record<string, Check>;

async function withRelative(server: Server) {
  await server.granted();
  return server.once('relative resource', () =>
    server.request({ resource: UNKNOWN.relativeResource }),
  );
}
