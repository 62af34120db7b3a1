import type { ExamplesOf } from './example.js';
import { CHALLENGE, CLIENT, ORDERS, SET_VERSION, ZONE } from './example-values.js';

const CHALLENGE_VIEW = {
  id: CHALLENGE,
  type: 'approval',
  state: 'pending',
  summary: `application "newsletter" (${CLIENT}) asks for orders:write on ${ORDERS}, for at most 15 minutes, for itself`,
  request: {
    use: 'session',
    type: 'approval',
    scopes: ['orders:write'],
    subject: { sub: CLIENT, type: 'application' },
    zone_id: ZONE,
    client_id: CLIENT,
    resources: [ORDERS],
    demanded_for: [ORDERS],
    max_lifetime_seconds: 900,
    policy_set_version_id: SET_VERSION,
  },
  binding: 'c53c59f53904a2ca81e69025e6e8d712e13a652a95341015955d5fec766a0619',
  terms: {
    acr: 'approval',
    quorum: 1,
    satisfied_by: ['operator', 'approver', 'proof_system'],
    reuse_seconds: 0,
    lifetime_seconds: 300,
    subject_may_satisfy: false,
    subject_must_satisfy: false,
    requester_may_satisfy: false,
  },
  approvals: 0,
  created_at: '2026-11-22T18:43:46.347Z',
  expires_at: '2026-11-22T18:48:46.347Z',
  decided_at: null,
  consumed_at: null,
  decisions: [],
} as const;

/** How something that waits for a person is looked at, and decided. */
export const CHALLENGE_EXAMPLES: ExamplesOf = {
  step_up_status: {
    answers: {
      200: {
        summary: 'Nobody has decided yet',
        value: {
          id: CHALLENGE,
          challenge_type: 'approval',
          state: 'pending',
          satisfied: false,
          consumed: false,
          expires_at: '2026-11-22T18:48:46.347Z',
        },
      },
    },
  },
  challenges_show: { answers: { 200: { summary: 'It waits', value: CHALLENGE_VIEW } } },
  challenges_decide: {
    body: {
      approve: {
        summary: 'Approve it',
        value: { decision: 'approved', reason: 'I know this payment' },
      },
      reject: { summary: 'Reject it', value: { decision: 'rejected', reason: 'nobody asked me' } },
    },
    answers: {
      200: {
        summary: 'It is approved',
        value: {
          ...CHALLENGE_VIEW,
          state: 'approved',
          approvals: 1,
          decided_at: '2026-11-22T18:43:46.438Z',
          decisions: [
            {
              decided_by: 'operator:admin key',
              method: 'operator',
              decision: 'approved',
              reason: 'I know this payment',
              decided_at: '2026-11-22T18:43:46.438Z',
            },
          ],
        },
      },
    },
  },
};
