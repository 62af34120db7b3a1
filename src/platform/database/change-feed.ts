import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import type { Logger } from 'pino';
import { BackgroundWork } from '../background-work.js';
import { ENV, type RunningEnv } from '../config/env.js';
import { LOGGER } from '../config/logger.js';
import { zoneShardsOf } from './zone-shards.js';

/** The NOTIFY channels, by kind of change. The payload of each says what changed. */
const CHANNELS = {
  /** Anything in a zone but its clients; payload: the zone id. */
  zone: 'mandate_zone_changed',
  /** The host of a zone; payload: the zone id. */
  host: 'mandate_zone_host_changed',
  /** A client or its secrets; payload: the ids of zone and client, or of the zone alone for all in it, or `*` for all. */
  client: 'mandate_client_changed',
  /** A challenge was approved or rejected; payload: its id. */
  challenge: 'mandate_challenge_decided',
  /** An event was put on a stream of shared signals; payload: the id of the stream. */
  signal: 'mandate_ssf_event',
  /** Something has its position in the revocation feed; payload: the zone id. */
  revocation: 'mandate_revocation_feed',
  /** Who may administer the installation; payload: the version of that. */
  administration: 'mandate_administration_changed',
  /** There is something for a background job to do; payload: its name. */
  work: 'mandate_work',
} as const;

/** The kinds of change that can be listened for. */
export type ChangeKind = keyof typeof CHANNELS;

/** A subscriber to one kind of change. */
export interface ChangeListener {
  /** The change is committed. @param what the payload of the channel */
  onChange(what: string): void;
  /** The feed was interrupted: anything may have changed since. */
  onReset(): void;
}

const RECONNECT_MS = 500;

/**
 * Subscriptions to changes in PostgreSQL (LISTEN), made on any replica or by hand.
 *
 * They only make caches fresh sooner. Nothing relies on them for correctness: the ledger compares the
 * versions of the zone and its clients in the commit itself.
 */
@Injectable()
export class ChangeFeed implements OnApplicationShutdown {
  private readonly listeners: { readonly channel: string; readonly listener: ChangeListener }[] =
    [];
  /** By the node that they listen at. */
  private readonly clients = new Map<string, pg.Client>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** The nodes that are listened at, or tried again and again. */
  private readonly heard = new Set<string>();
  private readonly nodes: () => readonly string[];
  /** Whether each connection is to one of many nodes. */
  private readonly isOneOfMany: boolean;
  private stopped = false;

  constructor(
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    background: BackgroundWork,
  ) {
    // Who changes something in a zone says so at the node that has it.
    const shards = zoneShardsOf(env);
    this.isOneOfMany = shards !== null;
    this.nodes = () => shards?.nodeUrls() ?? [env.databaseUrl];
    const listenEverywhere = () =>
      Promise.all(
        this.nodes()
          .filter((url) => !this.heard.has(url))
          .map((url) => this.listen(url)),
      );
    background.add(async () => {
      await listenEverywhere();
    });
    shards?.whenMoved(() => void listenEverywhere());
  }

  /** Calls `listener` for every change of one kind from now on. */
  subscribe(kind: ChangeKind, listener: ChangeListener): void {
    this.listeners.push({ channel: CHANNELS[kind], listener });
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    await Promise.all([...this.clients.values()].map((client) => client.end().catch(() => {})));
  }

  private async listen(url: string): Promise<void> {
    if (this.stopped) return;
    this.heard.add(url);
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: this.env.limits.connectMs,
      keepAlive: true,
      application_name: 'mandate change feed',
    });
    let lost = false;
    const onLost = (): void => {
      if (lost) return;
      lost = true;
      const wasHeard = this.clients.delete(url);
      if (this.stopped) return;
      // One node of many that stays away says nothing of the zones of others: those are read again once.
      if (wasHeard || !this.isOneOfMany) this.resetAll();
      this.timers.set(
        url,
        setTimeout(() => {
          // A node may have left, or have another address.
          if (this.nodes().includes(url)) void this.listen(url);
          else this.heard.delete(url);
        }, RECONNECT_MS),
      );
    };
    client.on('error', onLost);
    client.on('end', onLost);
    client.on('notification', (notification) => {
      for (const { channel, listener } of this.listeners) {
        if (channel === notification.channel && notification.payload !== undefined) {
          listener.onChange(notification.payload);
        }
      }
    });
    try {
      await client.connect();
      for (const channel of Object.values(CHANNELS)) await client.query(`LISTEN ${channel}`);
      this.clients.set(url, client);
      // Changes before LISTEN took effect were not notified.
      this.resetAll();
    } catch (error) {
      this.logger.warn({ err: error }, 'the change feed cannot connect, trying again');
      await client.end().catch(() => {});
      onLost();
    }
  }

  private resetAll(): void {
    for (const { listener } of this.listeners) listener.onReset();
  }
}
