/** A zone that has a host of its own. */
export interface ZoneWithHost {
  readonly zoneId: string;
  /** Scheme, host and perhaps a port. */
  readonly issuerUrl: string;
}

/** Ports that a client leaves out, of https or http, and that a proxy may add. */
const DEFAULT_PORT = /:(?:443|80)$/;

/** Which zone a host is of. */
export class HostTable {
  private readonly zones = new Map<string, string>();
  private readonly hosts = new Map<string, string>();
  private readonly installation: string;

  /** @param issuerUrl `ISSUER_URL`, whose host is no zone's, even if one was given it before */
  constructor(issuerUrl: string) {
    this.installation = new URL(issuerUrl).host;
  }

  /** How many hosts there are. */
  get size(): number {
    return this.zones.size;
  }

  /** @param authority a host in lower case, and perhaps a port */
  zoneAt(authority: string): string | null {
    const exact = this.zones.get(authority);
    return exact ?? this.zones.get(authority.replace(DEFAULT_PORT, '')) ?? null;
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
