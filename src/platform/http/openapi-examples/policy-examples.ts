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
  ZONE,
} from './example-values.js';

const CEDAR = `@id("orders")
permit (
  principal == Application::"${CLIENT}",
  action == Action::"TokenExchange",
  resource == Resource::"${ORDERS}"
);
`;

const REPLAY = '0193a7c0-0000-7000-8000-0000000000a1';
const ACTIVE_VERSION = '0193a7c0-0000-7000-8000-0000000000a2';
const MANIFEST = '5f0f1f0b6a2d4b0f8f6f5c6c7f9be7a4b6c1d2e3f4a5968778695a4b3c2d1e0f';
const ACTIVE_MANIFEST = '0e1d2c3b4a5968778695a4f3e2d1c6b4a7eb9f7c6c5f6f8f0f4b2d6a0b1f0f5f';

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
  policy_replays_start: {
    body: {
      texts: {
        summary: 'Policies that are not stored, on the decisions of two weeks',
        value: { policies: [{ name: 'orders', content: CEDAR }], days: 14 },
      },
    },
    answers: {
      201: {
        summary: 'The replay, which begins now',
        value: {
          id: REPLAY,
          zone_id: ZONE,
          state: 'queued',
          problem: null,
          operator: 'admin key',
          created_at: '2026-11-15T09:00:00.000Z',
          started_at: null,
          finished_at: null,
          candidate: { policy_set_version_id: null, manifest_sha256: MANIFEST },
          base: { policy_set_version_id: ACTIVE_VERSION, manifest_sha256: ACTIVE_MANIFEST },
          from: '2026-11-01T09:00:00.000Z',
          to: '2026-11-15T09:00:00.000Z',
          max_decisions: 100_000,
          complete: false,
          stopped_by: null,
          progress: {
            percent: 0,
            requests: 0,
            decisions: 0,
            decided_by_others: 0,
            oldest: null,
            newest: null,
          },
          changed: 0,
          changes: {},
          not_replayed: {
            policy_not_asked: 0,
            policy_unusable: 0,
            input_unknown: 0,
            too_slow: 0,
          },
        },
      },
    },
  },
  zone_policy_activate: {
    body: {
      budget: {
        summary: 'Only if a replay has found no decision that would be another one',
        value: { policy_set_version_id: SET_VERSION, max_changes: 0 },
      },
      version: {
        summary: 'The version of a set that decides from now on',
        value: { policy_set_version_id: SET_VERSION },
      },
    },
  },
};
