import { applicationOf, tokenOf, type TestApplication } from '../../test/setup/agents.js';
import type { Replica } from '../../test/setup/harness.js';
import { createTestZone, type Parameters, type TestZone } from '../../test/setup/zone.js';
import { assertingClient, type AssertingClient } from './asserting-client.js';

/** What asks for mandates in a measurement: a zone with clients of every sort. */
export interface BenchZone {
  readonly zone: TestZone;
  /** A session mandate for the zone's resource that lives as long as one may: the known subject. */
  readonly subject: string;
  readonly asserting: AssertingClient;
  /** The last station of a delegation over one hop, and of one over three. */
  readonly delegated: { readonly one: Delegated; readonly three: Delegated };
}

/** An application to which something was delegated. */
export interface Delegated {
  readonly application: TestApplication;
  readonly subject: string;
  readonly parameters: Parameters;
}

/** The longest that a session mandate, an agent session and a delegation are made for here, in seconds. */
const LIFETIME = '3600';

/**
 * Everything is permitted but writing without reading: that is denied by policy, and by nothing before it, since a
 * subject may be permitted both.
 */
const POLICY = `@id("all") permit (principal, action == Action::"TokenExchange", resource);
@id("no write alone")
forbid (principal, action == Action::"TokenExchange", resource == Resource::"resource://a")
when { context.requested_scopes.contains("a:write") && !context.requested_scopes.contains("a:read") };`;

/** Makes the zone by the API, as operators and applications would. */
export async function makeZone(replica: Replica): Promise<BenchZone> {
  const zone = await createTestZone(replica);
  await zone.activate(POLICY);
  const subject = tokenOf(
    await zone.session({ scope: 'a:read a:write', ttl_seconds: LIFETIME, resource: zone.resource }),
  );
  return {
    zone,
    subject,
    asserting: await assertingClient(zone, { ttl_seconds: LIFETIME }),
    delegated: { one: await delegate(zone, 1), three: await delegate(zone, 3) },
  };
}

/** Delegates from application to application, so many times, and returns the last. */
async function delegate(zone: TestZone, hops: number): Promise<Delegated> {
  let from = await applicationOf(zone);
  let source = await from.open({ ttl_seconds: Number(LIFETIME) });
  let edge = '';
  for (let hop = 0; hop < hops; hop += 1) {
    const to = await applicationOf(zone);
    const target = await to.open({ ttl_seconds: Number(LIFETIME) });
    edge = await from.delegate(source, target);
    await to.accept(edge);
    [from, source] = [to, target];
  }
  return {
    application: from,
    subject: await from.bearer({ ttl_seconds: LIFETIME }),
    parameters: { agent_session_id: source, delegation_edge_id: edge, scope: 'shared' },
  };
}
