/** The types of event that there are: the last five are sent to webhooks only that name them (`revocation-events.sql`). */
export const EVENT_TYPES = [
  'challenge.created',
  'challenge.approved',
  'challenge.rejected',
  'challenge.reported',
  'challenge.consumed',
  'webhook.test',
  'revocation.ordered',
  'session.ended',
  'client.disabled',
  'signing_key.withdrawn',
  'recovery_code.used',
] as const;
