/** A zone that has a host of its own. */
export interface ZoneWithHost {
  readonly zoneId: string;
  /** Scheme, host and perhaps a port. */
  readonly issuerUrl: string;
}

/** Ports that a client leaves out, of https or http, and that a proxy may add. */
const DEFAULT_PORT = /:(?:443|80)$/;
const ANY_PORT = /:\d*$/;

/** Which zone a host is of. */
export class HostTable {
  private readonly zones = new Map<string, string>();
  private readonly hosts = new Map<string, string>();
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
    return this.zones.size;
  }

  /**
   * A port that is nobody's is that of the host without one: proxies pass on whatever port a client has written, and it
   * must not lead out of the zone.
   *
   * @param authority a host in lower case, and perhaps a port
   */
  zoneAt(authority: string): string | null {
    const exact = this.zones.get(authority) ?? this.zones.get(authority.replace(DEFAULT_PORT, ''));
    if (exact !== undefined) return exact;
    const name = authority.replace(ANY_PORT, '');
    return name === this.installationName ? null : (this.zones.get(name) ?? null);
  }

  /**
   * Takes in what was read.
   *
   * @param asked the zones that were asked for; `null` for all
   * @param found those of them that have a host
   */
  set(asked: readonly string[] | null, found: readonly ZoneWithHost[]): void {
    for (const zoneId of asked ?? [...this.hosts.keys()]) this.forget(zoneId);
    for (const { zoneId, issuerUrl } of found) {
      const { host } = new URL(issuerUrl);
      if (host === this.installation) continue;
      this.zones.set(host, zoneId);
      this.hosts.set(zoneId, host);
    }
  }

  private forget(zoneId: string): void {
    const host = this.hosts.get(zoneId);
    if (host === undefined) return;
    this.hosts.delete(zoneId);
    // It may be another's by now.
    if (this.zones.get(host) === zoneId) this.zones.delete(host);
  }
}
