import type { TestZone } from './zone.js';

/** A type of details: payments, that name exactly how much goes to whom. The reference is nobody else's business. */
export const PAYMENT_TYPE = {
  type: 'payment',
  display: 'Pay {amount.value} {amount.currency} to {creditor}',
  scope: 'payments:send',
  members: [
    {
      name: 'amount',
      value: 'object',
      required: true,
      members: [
        { name: 'value', value: 'decimal', required: true, narrows: 'at_most' },
        { name: 'currency', value: 'string', required: true, one_of: ['EUR', 'USD'] },
      ],
    },
    { name: 'creditor', value: 'string', required: true, max_length: 100 },
    { name: 'actions', value: 'strings' },
    { name: 'reference', value: 'string', private: true },
  ],
} as const;

/** Has the scopes `payments:send` and `payments:read`, and declares {@link PAYMENT_TYPE}. */
export const LEDGER = 'https://ledger.example';

/** Registers the ledger. */
export const openLedger = (zone: TestZone, more: object = {}) =>
  zone.admin('POST', '/resources', {
    identifier: LEDGER,
    scopes: ['payments:send', 'payments:read'],
    authorization_details_types: [PAYMENT_TYPE],
    ...more,
  });

/** A payment of 45 EUR to ACME, with some members set. */
export const payment = (more: object = {}) => ({
  type: 'payment',
  amount: { value: '45.00', currency: 'EUR' },
  creditor: 'ACME',
  ...more,
});

/** What to send for some details at the ledger. */
export const asking = (...details: readonly object[]) => ({
  resource: LEDGER,
  scope: 'payments:send',
  ...(details.length === 0 ? {} : { authorization_details: JSON.stringify(details) }),
});
