import type { Examples, ExamplesOf } from './example.js';
import {
  ACCESS_TOKEN,
  CHALLENGE,
  CREDENTIALS,
  ORDERS,
  REQUEST,
  TOKEN,
  ZONE,
} from './example-values.js';

const ASKED_FOR: Examples = {
  body: {
    session: {
      summary: 'Open a session (RFC 6749 4.4)',
      value: {
        grant_type: 'client_credentials',
        ...CREDENTIALS,
        resource: [ORDERS],
        scope: 'orders:read',
      },
    },
    exchange: {
      summary: 'Exchange its mandate for one for a resource (RFC 8693 2.1)',
      value: {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        ...CREDENTIALS,
        subject_token: TOKEN,
        subject_token_type: ACCESS_TOKEN,
        resource: [ORDERS],
        scope: 'orders:read',
      },
    },
    confirmed: {
      summary: 'Ask again, once what was asked for is confirmed',
      value: {
        grant_type: 'client_credentials',
        ...CREDENTIALS,
        resource: [ORDERS],
        scope: 'orders:write',
        challenge_id: CHALLENGE,
        challenge_response: 'W3SieK…',
      },
    },
  },
  answers: {
    200: {
      summary: 'A mandate for the resource',
      value: {
        access_token: TOKEN,
        issued_token_type: ACCESS_TOKEN,
        token_type: 'Bearer',
        expires_in: 900,
        scope: 'orders:read',
        target_resources: [ORDERS],
      },
    },
    400: {
      summary: 'A resource that is not there, or not for this client',
      value: {
        error: 'invalid_target',
        error_description: 'the resource is unknown or not available',
        requestId: REQUEST,
      },
    },
    401: {
      summary: 'Somebody has to confirm it',
      value: {
        error: 'interaction_required',
        error_description: 'the request has to be confirmed',
        requestId: REQUEST,
        challenge_id: CHALLENGE,
        challenge_type: 'approval',
        challenge_secret: 'W3SieK…',
        challenge_expires_at: '2026-11-22T18:48:46.000Z',
      },
    },
    403: {
      summary: 'No policy permits it, or one forbids it',
      value: {
        error: 'access_denied',
        error_description: 'policy does not permit this exchange',
        requestId: REQUEST,
      },
    },
  },
};

const PRESENTED: Examples = {
  body: { presented: { summary: 'A mandate, which may have expired', value: { mandate: TOKEN } } },
  answers: {
    200: {
      summary: 'Receipts of what is sealed of it (RFC 9942)',
      value: {
        zone_id: ZONE,
        receipts: [
          {
            event: '01a20492-4c2e-7d1b-9f04-3b7a2c5e6d10',
            type: 'issued',
            receipt: '0oRYsKUBJwRE…',
          },
        ],
        pending: [],
      },
    },
    409: {
      summary: 'It is in no signed checkpoint yet',
      value: {
        error: 'conflict',
        error_description: 'the mandate is in no signed checkpoint yet',
        requestId: REQUEST,
      },
    },
  },
};

/** What clients ask for first. */
export const TOKEN_EXAMPLES: ExamplesOf = {
  token_exchange: ASKED_FOR,
  token_exchange_in_zone: ASKED_FOR,
  receipts_present: PRESENTED,
  receipts_present_in_zone: PRESENTED,
};
