import { Injectable } from '@nestjs/common';

/** A zone, as far as what endpoints say of themselves depends on it. */
export interface DescribedZone {
  /** The algorithms that its tokens are signed with. */
  readonly signingAlgs: readonly string[];
  /** The languages of its pages for people (BCP 47), the preferred one first. */
  readonly languages: readonly string[];
}

/** What an endpoint adds to the metadata of a zone (RFC 8414 2). */
export interface EndpointMembers {
  /** Members that are URLs, and the path of each below the zone, such as `/oauth/2/introspect`. */
  readonly urls?: Readonly<Record<string, string>>;
  /** Whether the same paths are there without a zone, too, where the client tells the zone. */
  readonly withoutZone?: boolean;
  /** All other members. Members of objects that several endpoints have part in are put together. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Those that depend on the zone. */
  readonly membersOf?: (zone: DescribedZone) => Readonly<Record<string, unknown>>;
}

/**
 * What the endpoints say of themselves in metadata. Each registers its members where its route is, so that a member is
 * there if and only if its route answers. In the constructor of its controller:
 *
 * ```ts
 * endpoints.add({ urls: { introspection_endpoint: '/oauth/2/introspect' }, withoutZone: true, members: { … } });
 * ```
 */
@Injectable()
export class EndpointMetadata {
  private readonly endpoints: EndpointMembers[] = [];

  /** Adds an endpoint. */
  add(endpoint: EndpointMembers): void {
    this.endpoints.push(endpoint);
  }

  /**
   * The members for a zone.
   *
   * @param base what the paths of the zone are below, without a trailing slash
   */
  membersOfZone(base: string, zone: DescribedZone): Readonly<Record<string, unknown>> {
    return merged(this.endpoints.map((endpoint) => membersOf(endpoint, base, zone)));
  }

  /**
   * The members that are so for all zones: those of endpoints that are there without a zone.
   *
   * @param base what the paths are below, without a trailing slash
   */
  membersWithoutZone(base: string): Readonly<Record<string, unknown>> {
    const endpoints = this.endpoints.filter(({ withoutZone }) => withoutZone === true);
    return merged(endpoints.map((endpoint) => membersOf(endpoint, base, null)));
  }
}

function membersOf(
  { urls = {}, members = {}, membersOf: ofZone }: EndpointMembers,
  base: string,
  zone: DescribedZone | null,
): Readonly<Record<string, unknown>> {
  const absolute = Object.entries(urls).map(([name, path]) => [name, `${base}${path}`]);
  return {
    ...Object.fromEntries(absolute),
    ...members,
    ...(zone === null ? {} : ofZone?.(zone)),
  };
}

/** Puts members together, in the order of their names: it does not depend on who registered first. */
function merged(
  all: readonly Readonly<Record<string, unknown>>[],
): Readonly<Record<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const [name, value] of all.flatMap((members) => Object.entries(members))) {
    const before = found.get(name);
    if (before !== undefined && !(isObject(before) && isObject(value))) {
      throw new Error(`two endpoints say something of ${name}`);
    }
    found.set(name, isObject(before) && isObject(value) ? merged([before, value]) : value);
  }
  return Object.fromEntries([...found].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
