import { formRequest, postRequest } from '../load/connection.js';
import { readSample } from './answers.js';
import type { Kind } from './candidate.js';
import { always } from './prepared.js';

const PATH = '/oauth/2/introspect';
/** As many as a batch may have. */
const BATCH = 100;

/** What introspection is asked with. */
export interface IntrospectionBench {
  /** The client's credentials, as parameters. */
  readonly secret: Readonly<Record<string, string>>;
  /** Live mandates of the client. */
  readonly mandates: readonly string[];
}

/** The kinds of introspection: of one live mandate, and of as many as one request may ask about. */
export function introspectionKinds({ secret, mandates }: IntrospectionBench): Kind[] {
  const [token = ''] = mandates;
  const tokens = Array.from({ length: BATCH }, (_, n) => mandates[n % mandates.length] ?? '');
  const json = JSON.stringify({ tokens, ...secret });
  return [
    {
      name: 'introspect',
      status: 200,
      prepare: () =>
        Promise.resolve(
          always(formRequest(PATH, new URLSearchParams({ token, ...secret }).toString())),
        ),
      check: (samples) => check(samples, ({ active }) => active === true),
    },
    {
      name: 'introspect, 100 at once',
      status: 200,
      prepare: () => Promise.resolve(always(postRequest(PATH, 'application/json', json))),
      check: (samples) =>
        check(
          samples,
          ({ results }) =>
            Array.isArray(results) &&
            results.length === BATCH &&
            results.every((one) => Reflect.get(Object(one), 'active') === true),
        ),
    },
  ];
}

async function check(
  samples: readonly string[],
  isRight: (body: Readonly<Record<string, unknown>>) => boolean,
): Promise<void> {
  for (const sample of samples) {
    const { body } = readSample(sample);
    if (!isRight(body)) throw new Error(`a live mandate is not active: ${JSON.stringify(body)}`);
  }
}
