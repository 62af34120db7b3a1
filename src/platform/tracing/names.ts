/** The names of all spans, and what each is. In braces stands what differs from span to span. */
export const SPANS = {
  '{method} {route}': 'a request to this server, from its arrival to the end of its answer',
  'exchange {stage}': 'a stage of a token request',
  'policy decide': 'what policy says of a token request, all its resources at once',
  'key sign': 'a signature by a key of a zone, here or at a signer',
  'ledger commit': 'the commit of a decision, with its wait for others that share it',
  '{statement} {table}': 'a statement on the database, the commits of decisions aside',
  '{method}': 'a request of this server to another one',
  'webhook deliver':
    'an attempt to deliver an event to a webhook, in the trace of what it tells of',
  'signal push': 'a push of shared signals to a receiver',
  'signal poll': 'a turn of an issuer whose shared signals are fetched',
} as const;

/** The names of all attributes of spans, and what each says. */
export const ATTRIBUTES = {
  'http.request.method': 'the method; `_OTHER` for one that is not registered',
  'http.route': 'the template of the route; absent for none',
  'http.response.status_code': 'the status of the answer',
  'error.type': 'of what failed: a status of 500 and more, an error code, or the name of an error',
  'server.address': 'the host that a request goes to',
  'server.port': 'the port there',
  'db.system.name': '`postgresql`',
  'db.operation.name': 'the first word of the statement',
  'db.query.summary': 'that, and the table or function that it begins with',
  'mandate.request_id': 'the id of the request (`Mandate-Request-Id`)',
  'mandate.zone': 'the id of the zone, once the caller has proved who it is',
  'mandate.client': 'the id of the client, likewise',
  'mandate.caller': 'how that was proved: as in the log',
  'mandate.error': 'the error code of a refusal',
  'mandate.policy.decisions':
    'what policy says, for each resource: `allow`, `deny`, `step_up`, `error`',
  'mandate.key.alg': 'the algorithm of the key',
  'mandate.key.kid': 'the id of the key',
  'mandate.ledger.status': '`recorded`, `refused` (a fact has moved), `stale` (evaluated again)',
  'mandate.webhook.event_type': 'the type of the event',
  'mandate.webhook.attempt': 'which attempt it is, from 1',
} as const;

/** The name of an attribute. */
export type AttributeName = keyof typeof ATTRIBUTES;
