import type { ExamplesOf } from './example.js';
import { CLIENT, MADE_AND_CHANGED, ORDERS, SECRET, ZONE } from './example-values.js';

/** A zone, and what is in it first. */
export const ZONE_EXAMPLES: ExamplesOf = {
  zones_create: {
    body: {
      zone: {
        summary: 'A zone',
        value: { name: 'shop', display_name: 'The shop', description: 'Orders and payments' },
      },
    },
    answers: {
      201: {
        summary: 'The zone',
        value: {
          id: ZONE,
          name: 'shop',
          display_name: 'The shop',
          description: 'Orders and payments',
          issuer: `https://mandate.example/zones/${ZONE}`,
          languages: ['en'],
          issuer_mode: 'zone',
          default_resources: [],
          introspection_audit: 'none',
          legal_hold: false,
          protected: false,
          ...MADE_AND_CHANGED,
        },
      },
    },
  },
  zones_change: {
    body: {
      change: {
        summary: 'Another name for people, and no description (RFC 7396)',
        value: { display_name: 'The new shop', description: null },
      },
    },
  },
  resources_create: {
    body: {
      resource: {
        summary: 'A resource with two scopes',
        value: {
          identifier: ORDERS,
          scopes: ['orders:read', 'orders:write'],
          display_name: 'Orders',
          scope_descriptions: [{ scope: 'orders:write', description: 'Change your orders' }],
        },
      },
    },
    answers: {
      201: {
        summary: 'The resource',
        value: {
          id: '01a20492-4813-74ea-bbec-948752e8fb0c',
          identifier: ORDERS,
          scopes: ['orders:read', 'orders:write'],
          display_name: 'Orders',
          scope_descriptions: [{ scope: 'orders:write', description: 'Change your orders' }],
          upstream_url: null,
          owner_client_id: null,
          access: 'direct',
          operations: [],
          token_typ: 'at+jwt',
          listed: false,
          introspection_client_ids: [],
          ...MADE_AND_CHANGED,
        },
      },
    },
  },
  resources_change: {
    body: {
      scope: {
        summary: 'One more scope (RFC 7396: a list is replaced whole)',
        value: { scopes: ['orders:read', 'orders:write', 'orders:cancel'] },
      },
    },
  },
  clients_create: {
    body: {
      secret: {
        summary: 'A client whose secret is drawn',
        value: { name: 'newsletter', description: 'Sends the newsletter' },
      },
    },
    answers: {
      201: {
        summary: 'The client, with its secret, which is told this once',
        value: {
          id: CLIENT,
          name: 'newsletter',
          description: 'Sends the newsletter',
          labels: [],
          groups: [],
          default_resources: [],
          scopes: null,
          audience: null,
          access_token_lifespan: null,
          ssf: false,
          auth_methods: ['client_secret_basic', 'client_secret_post'],
          registration_method: 'manual',
          disabled: false,
          ...MADE_AND_CHANGED,
          client_id: CLIENT,
          secret_id: '01a20492-48f8-706f-a67e-f4af75f39c01',
          client_secret: SECRET,
          client_secret_expires_at: 0,
        },
      },
    },
  },
};
