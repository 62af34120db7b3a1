/** What operations are called that would have a clumsy name by the rule of {@link nameOperation}. */
const NAMES: Readonly<Record<string, string>> = {
  'TokenController.token': 'token_exchange',
  'ZoneTokenController.token': 'token_exchange_in_zone',
  'IntrospectionController.introspect': 'token_introspect',
  'IntrospectionController.introspectInZone': 'token_introspect_in_zone',
  'RevocationController.revoke': 'token_revoke',
  'RevocationController.revokeInZone': 'token_revoke_in_zone',
  'WebhookDeliveriesController.test': 'webhooks_test',
  'WebhookDeliveriesController.deliveries': 'webhooks_deliveries',
  'WebhookDeliveriesController.replay': 'webhooks_replay',
  'WebhookDeliveriesController.retry': 'webhooks_retry',
  'InstallationWebhookDeliveriesController.test': 'installation_webhooks_test',
  'InstallationWebhookDeliveriesController.deliveries': 'installation_webhooks_deliveries',
  'InstallationWebhookDeliveriesController.replay': 'installation_webhooks_replay',
  'InstallationWebhookDeliveriesController.retry': 'installation_webhooks_retry',
  'HealthController.health': 'health',
  'HealthController.ready': 'ready',
  'MetricsController.index': 'metrics',
  'MetricsController.asJson': 'metrics_json',
};

/**
 * The id of an operation, which generated clients call their methods by, so it must stay: the noun of its controller and
 * what its handler does, as in `policy_sets_add_version`.
 *
 * @param handler as in `PolicySetsController.addVersion`
 * @param copy which of several paths of the same handler it is
 */
export function nameOperation(handler: string, copy = 0): string {
  const [controller = '', method = ''] = handler.split('.');
  const name =
    NAMES[handler] ?? `${snakeCase(controller.replace(/Controller$/, ''))}_${snakeCase(method)}`;
  return copy === 0 ? name : `${name}_alias${copy === 1 ? '' : copy}`;
}

function snakeCase(name: string): string {
  return name
    .replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, '_')
    .replaceAll(/(?<=[A-Z])(?=[A-Z][a-z])/g, '_')
    .toLowerCase();
}

/** The nouns that operations are about, in the order in which somebody meets them. */
export const TAGS: readonly { readonly name: string; readonly description: string }[] = [
  {
    name: 'tokens',
    description: 'Exchange authority for mandates, ask of them, and give them back',
  },
  {
    name: 'discovery',
    description: 'What a zone is, and the keys that its mandates are verified with',
  },
  { name: 'verifiers', description: 'What resources ask for: which mandates were taken back' },
  {
    name: 'agents',
    description: 'Agent sessions of an application, and what they delegate to each other',
  },
  { name: 'step-up', description: 'Challenges: what waits for a person, and how it is decided' },
  { name: 'shared signals', description: 'Security events, to and from others (OpenID SSF)' },
  {
    name: 'zones',
    description: 'Operators: units of isolation, each with keys, clients and a policy',
  },
  { name: 'resources', description: 'Operators: what is protected in a zone' },
  { name: 'scopes', description: 'Operators: what may be done with a resource' },
  { name: 'clients', description: 'Operators: who may ask, and by which secrets or keys' },
  { name: 'issuers', description: "Operators: others' issuers that a zone trusts" },
  {
    name: 'policies',
    description: 'Operators: who may do what: policies, sets of them, and the active one',
  },
  { name: 'decisions', description: 'Operators: what was decided and why, and what would be' },
  { name: 'audit', description: 'Operators: what was recorded, of whom and by whom' },
  { name: 'sessions', description: 'Operators: what is open, and hangs together' },
  { name: 'agent-sessions', description: 'Operators: agents that act in a session' },
  { name: 'delegations', description: 'Operators: what agents have handed on' },
  { name: 'revocations', description: 'Operators: take back mandates by what they stand on' },
  { name: 'keys', description: 'Operators: signing keys of a zone, and their rotation' },
  { name: 'challenges', description: 'Operators: what waits for confirmation' },
  { name: 'step-up-types', description: 'Operators: who confirms what, and for how long' },
  { name: 'proof-systems', description: 'Operators: systems that confirm' },
  { name: 'authenticators', description: 'Operators: what people confirm with' },
  { name: 'webhooks', description: 'Operators: whom a zone tells what happens' },
  { name: 'outbound-policies', description: 'Operators: where this server may send requests to' },
  { name: 'operators', description: 'Operators: who administers, in which role, by which keys' },
  { name: 'approvals', description: 'Operators: changes that wait for a second operator' },
  {
    name: 'management',
    description: 'Operators: the same by the paths of the management API of Shyntr',
  },
  { name: 'process', description: 'Operators: the running process' },
  { name: 'probes', description: 'Health, readiness and metrics of a process' },
];

/** The tags of paths; the first that fits. Others of operators are tagged by the noun in their path. */
const BY_PATH: readonly (readonly [RegExp, string])[] = [
  [/^\/admin\/management\//, 'management'],
  [/^\/(health|ready|metrics)/, 'probes'],
  [/^\/internal\/(log-level|process)/, 'process'],
  [/^\/internal\/settings/, 'operators'],
  [/^\/internal\/(policy|decisions)\//, 'decisions'],
  [/^\/internal\/zones\/\{zone\}\/polic(y|ies|y-sets)(\/|$)/, 'policies'],
  [/^\/internal\/zones\/\{zone\}\/signing-keys?(\/|$)/, 'keys'],
  [/^\/internal\/zones(\/\{zone\})?$/, 'zones'],
  [/^\/(zones\/\{zone\}\/)?oauth\/2\//, 'tokens'],
  [/ssf/, 'shared signals'],
  [/^\/zones\/\{zone\}\/(status|revocations)/, 'verifiers'],
  [/^\/(zones\/\{zone\}\/)?(agent-sessions|agents|delegations)/, 'agents'],
  [/^\/step-up/, 'step-up'],
  [/^\/(\.well-known|zones\/\{zone\})\//, 'discovery'],
];

/** The tag of a path: what it is about. */
export function tagOf(path: string): string {
  const found = BY_PATH.find(([pattern]) => pattern.test(path));
  if (found !== undefined) return found[1];
  const noun = /^\/internal\/(?:zones\/\{zone\}\/)?([a-z-]+)/.exec(path)?.[1];
  // What hangs on one zone alone has a sub-path of a zone's, and is part of it, unless it is listed above.
  return TAGS.some(({ name }) => name === noun) && noun !== undefined ? noun : 'zones';
}
