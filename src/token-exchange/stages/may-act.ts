/** What is known of an actor, under the names of claims. */
export type ActorFacts = Readonly<Record<'iss' | 'sub' | 'client_id', string>>;

/**
 * Whether an actor is the one that a `may_act` claim names (RFC 8693 4.4): every member must match.
 * A member that we know nothing of cannot match, so no actor satisfies it.
 */
export function obeysMayAct(mayAct: Readonly<Record<string, unknown>>, actor: ActorFacts): boolean {
  const members = Object.entries(mayAct);
  const facts = new Map<string, string>(Object.entries(actor));
  return (
    members.length > 0 &&
    members.every(([name, value]) => facts.has(name) && facts.get(name) === value)
  );
}
