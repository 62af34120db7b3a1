/** A zone that has a host of its own. */
export interface ZoneWithHost {
  readonly zoneId: string;
  /** Scheme, host and perhaps a port. */
  readonly issuerUrl: string;
  /** Where it is one that the zone had before: until when that is known, in milliseconds since the epoch. */
  readonly formerUntil?: number;
}

/** The host that a zone had before. */
interface FormerHost {
  readonly zoneId: string;
  readonly until: number;
}

/** Ports that a client leaves out, of https or http, and that a proxy may add. */
const DEFAULT_PORT = /:(?:443|80)$/;
const ANY_PORT = /:\d*$/;

/** Which zone a host is of. */
export class HostTable {
  private readonly zones = new Map<string, string>();
  private readonly hosts = new Map<string, string>();
  private readonly former = new Map<string, FormerHost>();
  private readonly formerHosts = new Map<string, string>();
  private readonly installation: string;
  private readonly installationName: string;

  /** @param issuerUrl `ISSUER_URL`, whose host is no zone's, even if one was given it before */
  constructor(issuerUrl: string) {
    const { host, hostname } = new URL(issuerUrl);
    this.installation = host;
    this.installationName = hostname;
  }

  /** How many hosts there are. */
  get size(): number {
    return this.zones.size + this.former.size;
  }

  /**
   * A port that is nobody's is that of the host without one: proxies pass on whatever port a client has written, and it
   * must not lead out of the zone.
   *
   * @param authority a host in lower case, and perhaps a port
   */
  zoneAt(authority: string): string | null {
    return this.find(this.zones, authority);
  }

  /**
   * The zone that had a host before, as long as what it has issued there may be out, if it is nobody's now.
   *
   * @param now milliseconds since the epoch
   */
  formerZoneAt(authority: string, now: number): string | null {
    const found = this.find(this.former, authority);
    return found !== null && now < found.until ? found.zoneId : null;
  }

  private find<T>(hosts: ReadonlyMap<string, T>, authority: string): T | null {
    const exact = hosts.get(authority) ?? hosts.get(authority.replace(DEFAULT_PORT, ''));
    if (exact !== undefined) return exact;
    const name = authority.replace(ANY_PORT, '');
    return name === this.installationName ? null : (hosts.get(name) ?? null);
  }

  /**
   * Takes in what was read.
   *
   * @param asked the zones that were asked for; `null` for all
   * @param found those of them that have a host
   */
  set(asked: readonly string[] | null, found: readonly ZoneWithHost[]): void {
    const known = [...this.hosts.keys(), ...this.formerHosts.keys()];
    for (const zoneId of asked ?? known) this.forget(zoneId);
    for (const { zoneId, issuerUrl, formerUntil } of found) {
      const { host } = new URL(issuerUrl);
      if (host === this.installation) continue;
      if (formerUntil === undefined) {
        this.zones.set(host, zoneId);
        this.hosts.set(zoneId, host);
      } else {
        this.former.set(host, { zoneId, until: formerUntil });
        this.formerHosts.set(zoneId, host);
      }
    }
  }

  private forget(zoneId: string): void {
    const host = this.hosts.get(zoneId);
    this.hosts.delete(zoneId);
    // It may be another's by now.
    if (host !== undefined && this.zones.get(host) === zoneId) this.zones.delete(host);
    const former = this.formerHosts.get(zoneId);
    this.formerHosts.delete(zoneId);
    if (former !== undefined && this.former.get(former)?.zoneId === zoneId) {
      this.former.delete(former);
    }
  }
}
