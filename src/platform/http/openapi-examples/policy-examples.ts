import type { ExamplesOf } from './example.js';
import {
  CLIENT,
  MADE,
  ORDERS,
  POLICY,
  POLICY_VERSION,
  REQUEST,
  SET,
  SET_VERSION,
} from './example-values.js';

const CEDAR = `@id("orders")
permit (
  principal == Application::"${CLIENT}",
  action == Action::"TokenExchange",
  resource == Resource::"${ORDERS}"
);
`;

const POLICY_VERSION_VIEW = {
  id: POLICY_VERSION,
  policy_id: POLICY,
  version: 1,
  sha256: '9741606d6b1f47408ae543508b4cdb1163e122ea4410d17e28d9ab7e6fd508a9',
  author: 'admin key',
} as const;

/** A policy, the set that it is in, and its activation. */
export const POLICY_EXAMPLES: ExamplesOf = {
  policies_create: {
    body: {
      policy: {
        summary: 'A client may have mandates for a resource',
        value: { name: 'orders', content: CEDAR },
      },
    },
    answers: {
      201: {
        summary: 'The policy, with its first version',
        value: {
          id: POLICY,
          name: 'orders',
          latest_version: POLICY_VERSION_VIEW,
          ...MADE,
          version: { ...POLICY_VERSION_VIEW, content: CEDAR, ...MADE },
          warnings: [],
        },
      },
      422: {
        summary: 'A text that is wrong, and where',
        value: {
          error: 'unprocessable',
          error_description: 'the policies are not valid',
          requestId: REQUEST,
          errors: [
            {
              policy: 'orders',
              module: 'orders',
              message: 'unrecognized action `Action::"TokenExchang"`',
              help: 'did you mean `Action::"TokenExchange"`?',
              line: 4,
              column: 13,
            },
          ],
        },
      },
    },
  },
  policy_sets_create: {
    body: { set: { summary: 'A set of policies', value: { name: 'shop' } } },
    answers: {
      201: {
        summary: 'The set, without a version',
        value: { id: SET, name: 'shop', latest_version: null, ...MADE },
      },
    },
  },
  policy_sets_add_version: {
    body: {
      version: {
        summary: 'One version of each policy that is in it',
        value: { policy_version_ids: [POLICY_VERSION] },
      },
    },
  },
  zone_policy_activate: {
    body: {
      version: {
        summary: 'The version of a set that decides from now on',
        value: { policy_set_version_id: SET_VERSION },
      },
    },
  },
};
