import type { Candidate, Kind } from '../candidates/candidate.js';
import { tokenKinds } from '../candidates/mandate-kinds.js';
import { startMandate } from '../candidates/mandate-process.js';
import { makeZone, type BenchZone } from '../candidates/mandate-zone.js';
import { newGatewayKey } from '../../test/setup/gateway.js';
import type { Replica } from '../../test/setup/harness.js';

/** A server whose zones are asked in turns. */
export interface ZonesTogether {
  readonly candidate: Candidate;
  /** The same kinds of each zone by itself. */
  readonly apart: readonly (readonly Kind[])[];
}

/**
 * Starts a server, and asks several zones of it in turns.
 *
 * @param choose says of each zone that is made which place of the list it takes
 */
export async function startZonesTogether(
  main: string,
  postgres: NonNullable<Candidate['postgres']>,
  name: string,
  count: number,
  choose: (zone: BenchZone, place: number) => Promise<number>,
): Promise<ZonesTogether> {
  const gatewayKey = newGatewayKey();
  const replica = await startMandate(postgres.url, {
    main,
    env: { GATEWAY_HMAC_KEY: gatewayKey },
  });
  const zones = await zonesOf(replica, count, choose);
  const apart = await Promise.all(zones.map((zone) => tokenKinds(zone, gatewayKey)));
  const candidate: Candidate = {
    name,
    port: Number(replica.ports[0]),
    pid: replica.pid,
    postgres,
    kinds: together(apart),
    stop: async () => {
      await replica.stop();
    },
  };
  return { candidate, apart };
}

async function zonesOf(
  replica: Replica,
  count: number,
  choose: (zone: BenchZone, place: number) => Promise<number>,
): Promise<BenchZone[]> {
  const zones = new Map<number, BenchZone>();
  while (zones.size < count) {
    const zone = await makeZone(replica);
    zones.set(await choose(zone, zones.size), zone);
  }
  return Array.from(zones.keys())
    .toSorted((a, b) => a - b)
    .flatMap((place) => zones.get(place) ?? []);
}

/** The kinds of several zones as one. */
function together([first = [], ...others]: readonly (readonly Kind[])[]): Kind[] {
  return first.map((kind) => {
    const same: readonly Kind[] = [
      kind,
      ...others.flatMap((kinds) => kinds.filter(({ name }) => name === kind.name)),
    ];
    return {
      ...kind,
      // The answers are of all zones: each makes for itself what it needs beforehand.
      keep: () => {},
      prepare: async (count) => {
        const share = Math.ceil(count / same.length);
        const made = await Promise.all(same.map((each) => each.prepare(share)));
        const most = Math.max(...made.map(({ requests }) => requests.length));
        const inTurns = Array.from({ length: most }, (_each, n) =>
          made.flatMap(({ requests }) => requests.slice(n, n + 1)),
        );
        return { requests: inTurns.flat(), repeat: made.every(({ repeat }) => repeat) };
      },
      // Each is right for one of the zones.
      check: async (samples) => {
        for (const sample of samples) await Promise.any(same.map((each) => each.check([sample])));
      },
    };
  });
}
