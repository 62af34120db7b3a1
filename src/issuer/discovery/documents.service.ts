import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { isElsewhere, notServedHere } from '../../oauth/away.js';
import { cacheControlAt } from '../../keys/publishing/key-set.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import { atZone } from '../../platform/database/at-zones.js';
import { JoinedReads } from '../../platform/database/joined-reads.js';
import { EndpointMetadata } from '../../platform/http/endpoint-metadata.js';
import { documentOf, type PublicDocument } from '../../platform/http/public-document.js';
import { KeptDocuments } from '../../platform/kept-documents.js';
import { shareOf } from '../../platform/workers/share.js';
import {
  issuerOf,
  zoneUrlOf,
  type IssuerMode,
  type StoredIssuer,
} from '../../zones/zone-issuer.js';
import {
  describedZone,
  openidMembers,
  resourceMetadata,
  serverMetadata,
  sharedMetadata,
  type Members,
} from './metadata.js';
import { MetadataSignatures } from './metadata-signatures.service.js';
import {
  isAnyShared,
  readResourceFacts,
  readZoneFacts,
  type AskedResource,
  type ResourceFacts,
  type ZoneFacts,
} from './zone-facts.js';

/**
 * Which document is asked for:
 * - `server`: that of RFC 8414, at a place that follows from the issuer that a zone has below `ISSUER_URL`;
 * - `openid`: that of OpenID Connect Discovery, at such a place;
 * - `own-server`, `own-openid`: the same at places that follow from a host of its own;
 * - `former-server`, `former-openid`: the same at a host that it had before;
 * - `configured`: that of RFC 8414, at a place that no client derives from an issuer, but is told;
 * - `resource`: that of RFC 9728;
 * - `shared`: that of RFC 8414 for the issuer that zones share.
 */
export type DocumentKind =
  | 'server'
  | 'openid'
  | 'own-server'
  | 'own-openid'
  | 'former-server'
  | 'former-openid'
  | 'configured'
  | 'resource'
  | 'shared';

/** The mode of the issuers that the places of a document follow from. */
const MODES: Readonly<Record<string, IssuerMode>> = {
  server: 'zone',
  openid: 'zone',
  'own-server': 'own',
  'own-openid': 'own',
};

const AT_ITS_PATH: StoredIssuer = { issuerMode: 'zone', issuerUrl: null };

/** Milliseconds after which a document is read again, even without a notification of a change. */
const FRESH_MS = 5_000;
/** Bytes of memory for documents, of all workers together. */
const BYTES = 64 * 1_024 * 1_024;
/** Documents that one statement reads, and how many may wait for one. */
const LIMITS = { joined: 50, waiting: 2_048 } as const;
/** What stands for a zone or a resource where there is none in the address. */
const NONE = '-';

/** The zone that a document is of, by its key. */
const zoneOf = (key: string): string => key.split(' ')[1] ?? NONE;

/**
 * The metadata documents of zones and their resources, in memory. They are made of columns that hold nothing private, so
 * they are there whether or not keys can be opened, and are served while the database is away.
 */
@Injectable()
export class MetadataDocuments implements OnModuleInit, ChangeListener {
  private readonly documents: KeptDocuments<Members>;
  private readonly zones: JoinedReads<string, ZoneFacts | null>;
  private readonly resources: JoinedReads<AskedResource, ResourceFacts | null>;
  private readonly issuerUrl: string;
  /** Until then there is no zone that shares its issuer, in milliseconds since the epoch. */
  private noneSharedUntil = 0;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly endpoints: EndpointMetadata,
    private readonly signatures: MetadataSignatures,
    private readonly feed: ChangeFeed,
    @Inject(ENV)
    { issuerUrl, workers, compatPaths }: Pick<RunningEnv, 'issuerUrl' | 'workers' | 'compatPaths'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.issuerUrl = issuerUrl;
    // What clients of Ubisecure SSO read that are older than introspection.
    if (compatPaths.includes('ubisecure')) {
      endpoints.add({ urls: { tokeninfo_endpoint: '/oauth/2/introspect' } });
    }
    this.zones = new JoinedReads((ids) => readZoneFacts(dataSource, ids), LIMITS);
    this.resources = new JoinedReads((asked) => readResourceFacts(dataSource, asked), LIMITS);
    this.documents = new KeptDocuments(
      {
        read: (key) => {
          const zoneId = zoneOf(key);
          // For all who wait for it, whatever zone the request of the first is about.
          return zoneId === NONE
            ? this.read(key)
            : atZone(dataSource, zoneId, () => this.read(key));
        },
        render: (members) => ({ ...documentOf(members), changesAt: Number.POSITIVE_INFINITY }),
        cacheControlAt,
        zoneOf,
        freshMs: FRESH_MS,
        bytes: shareOf(BYTES, workers),
      },
      clock,
    );
  }

  onModuleInit(): void {
    this.feed.subscribe('zone', this);
  }

  /** A document if it can be sent at once, without a query. @param zoneId any text @param resourceId any text */
  ready(kind: DocumentKind, zoneId = NONE, resourceId = NONE): PublicDocument | null {
    return this.documents.ready(`${kind} ${zoneId} ${resourceId}`);
  }

  /**
   * A document.
   *
   * @param zoneId a UUID, unless it is of no zone
   * @param resourceId a UUID, if it is of a resource
   * @returns `null` if there is none
   * @throws the driver's error if the database is away and the document is not known, or too old
   */
  find(kind: DocumentKind, zoneId = NONE, resourceId = NONE): Promise<PublicDocument | null> {
    return this.documents.find(`${kind} ${zoneId} ${resourceId}`);
  }

  onChange(zoneId: string): void {
    this.documents.invalidate(zoneId);
  }

  onReset(): void {
    this.documents.invalidateAll();
  }

  private async read(key: string): Promise<Members | null> {
    const [kind = '', zoneId = '', resourceId = ''] = key.split(' ');
    if (kind === 'shared') return this.readShared();
    if (kind === 'resource') return this.readResource({ zoneId, resourceId });
    const facts = await this.zones.ask(zoneId, zoneId);
    if (facts === null) return null;
    if (isElsewhere(facts.away)) throw notServedHere(facts.away, this.issuerUrl);
    const issuer = this.issuerAt(kind, facts);
    if (issuer === null) return null;
    const zone = describedZone(facts);
    const base = zoneUrlOf(zoneId, facts, this.issuerUrl);
    const ofEndpoints = this.endpoints.membersOfZone(base, zone);
    const members = serverMetadata(facts, ofEndpoints, issuer);
    return {
      ...members,
      ...(kind.endsWith('openid') ? openidMembers(zone) : {}),
      ...(await this.signatures.sign(`${zoneId} ${issuer}`, { ...facts, issuer }, members)),
    };
  }

  /**
   * The issuer from which a place follows, if it is the zone's, or was until lately: who derived the place from it would find
   * another one in the document, and refuse it (RFC 8414 3.3). The endpoints are those of today either way.
   */
  private issuerAt(kind: string, facts: ZoneFacts): string | null {
    const { zoneId, formerIssuer } = facts;
    if (kind.startsWith('former-')) return formerIssuer;
    const mode = MODES[kind] ?? facts.issuerMode;
    if (mode === facts.issuerMode) return issuerOf(zoneId, facts, this.issuerUrl);
    const wasHere =
      mode === 'zone' && formerIssuer === issuerOf(zoneId, AT_ITS_PATH, this.issuerUrl);
    return wasHere ? formerIssuer : null;
  }

  private async readResource(asked: AskedResource): Promise<Members | null> {
    const name = `${asked.zoneId}/${asked.resourceId}`;
    const facts = await this.resources.ask(name, asked);
    if (facts === null) return null;
    if (isElsewhere(facts.away)) throw notServedHere(facts.away, this.issuerUrl);
    const members = resourceMetadata(facts, this.issuerUrl);
    return { ...members, ...(await this.signatures.sign(name, this.signing(facts), members)) };
  }

  private signing<T extends StoredIssuer & { readonly zoneId: string }>(facts: T) {
    return { ...facts, issuer: issuerOf(facts.zoneId, facts, this.issuerUrl) };
  }

  private async readShared(): Promise<Members | null> {
    // To find none is to look at all zones, so it is not done for each stranger.
    if (this.clock.now() < this.noneSharedUntil) return null;
    if (!(await isAnyShared(this.dataSource))) {
      this.noneSharedUntil = this.clock.now() + FRESH_MS;
      return null;
    }
    return sharedMetadata(this.endpoints.membersWithoutZone(this.issuerUrl), this.issuerUrl);
  }
}
