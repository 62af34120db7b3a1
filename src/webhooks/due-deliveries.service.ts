import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { In, type DataSource } from 'typeorm';
import { NIL } from 'uuid';
import { PerShard } from '../platform/database/shard-scope.js';
import { InstallationWebhook } from './installation-webhook.entity.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { Webhook } from './webhook.entity.js';

/** Seconds after which a delivery that was taken and not reported on is due again. */
const LEASE = 45;

/** How many of the oldest that are due are looked at: if there are more, all webhooks have their turns. */
export const WINDOW = 1_000;

/** How many webhooks of zones a look goes round at most. */
const ROUND_STEPS = 256;

/** A delivery that is due, and the webhook that it is for. */
export interface DueDelivery {
  readonly delivery: WebhookDelivery;
  readonly webhook: Webhook | InstallationWebhook;
  /** Scheme, host and port of the webhook's URL. */
  readonly receiver: string;
}

/** How many deliveries are taken. */
export interface Limits {
  readonly most: number;
  /** To one receiver, with those under way. */
  readonly toOne: number;
  /** How many are on their way already, by receiver. */
  readonly underWay: ReadonlyMap<string, number>;
}

/** A place in the round: the webhook that had its turn last, and the zone in which something happened. */
interface Place {
  readonly zoneId: string;
  readonly webhookId: string;
}

/** The round in which all have their turns. */
interface Round {
  /** Where it is; `null` while none is under way. */
  at: Place | null;
}

const START: Place = { zoneId: NIL, webhookId: NIL };

/**
 * Takes the deliveries that are due, for all replicas together.
 *
 * As a rule the oldest come first. Where more are due than are looked at, such as after a replay, these may all be of one
 * webhook: then all that are waited for have one turn each, in a round, before the oldest have one again.
 */
@Injectable()
export class DueDeliveries {
  private readonly rounds = new PerShard<Round>(() => ({ at: null }));

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Whether any is due. Most looks find nothing, and to plan what takes them is far longer than to see that. */
  async isAnyDue(): Promise<boolean> {
    return (await this.dataSource.query<unknown[]>(ANY_DUE)).length > 0;
  }

  /** Takes deliveries that are due. One becomes due again by itself unless it is reported on. */
  async take(limits: Limits): Promise<DueDelivery[]> {
    let taken = await this.goRound(limits);
    if (taken.length === 0) taken = await this.takeOldest(limits);
    if (taken.length === 0) taken = await this.goRound(limits);
    return this.read(taken);
  }

  /** Goes on with the round, if there is one, until something is taken or it is over. */
  private async goRound(limits: Limits): Promise<readonly TakenRow[]> {
    const round = this.rounds.current;
    while (round.at !== null) {
      const { at } = round;
      // Should the look fail, the next one is at the oldest.
      round.at = null;
      // oxlint-disable-next-line no-await-in-loop
      const taken = await this.takeInTurn(limits, at);
      if (taken.length > 0) return taken;
    }
    return [];
  }

  private async takeOldest({ most, toOne, underWay }: Limits): Promise<readonly TakenRow[]> {
    const [one] = await this.dataSource.query<{ taken: TakenRow[]; looked: number }[]>(
      TAKE_OLDEST,
      [asJson(underWay), toOne, most, LEASE, WINDOW],
    );
    if (one === undefined) return [];
    if (one.looked === WINDOW) this.rounds.current.at = START;
    return one.taken;
  }

  private async takeInTurn(
    { most, toOne, underWay }: Limits,
    { zoneId, webhookId }: Place,
  ): Promise<readonly TakenRow[]> {
    const [one] = await this.dataSource.query<TurnsRow[]>(TAKE_IN_TURN, [
      asJson(underWay),
      toOne,
      most,
      LEASE,
      zoneId,
      webhookId,
      ROUND_STEPS,
    ]);
    if (one === undefined) return [];
    const { taken, last } = one;
    // Who comes after the last that was taken has not had a turn, if there was no room for more.
    const lastTaken = taken.length === most ? taken.at(-1) : undefined;
    if (lastTaken !== undefined) this.rounds.current.at = lastTaken;
    else if (last?.step === ROUND_STEPS) this.rounds.current.at = last;
    return taken;
  }

  private async read(taken: readonly TakenRow[]): Promise<DueDelivery[]> {
    if (taken.length === 0) return [];
    const receivers = new Map(taken.map(({ id, receiver }) => [id, receiver]));
    const { manager } = this.dataSource;
    const deliveries = await manager.findBy(WebhookDelivery, { id: In([...receivers.keys()]) });
    const ofZones = new Set(deliveries.flatMap(({ webhookId }) => webhookId ?? []));
    const ofAll = new Set(deliveries.flatMap(({ installationWebhookId: id }) => id ?? []));
    const webhooks = [
      ...(ofZones.size === 0 ? [] : await manager.findBy(Webhook, { id: In([...ofZones]) })),
      ...(ofAll.size === 0
        ? []
        : await manager.findBy(InstallationWebhook, { id: In([...ofAll]) })),
    ];
    const byId = new Map(webhooks.map((webhook) => [webhook.id, webhook]));
    return deliveries.flatMap((delivery) => {
      const webhook = byId.get(delivery.webhookId ?? delivery.installationWebhookId ?? '');
      const receiver = receivers.get(delivery.id);
      return webhook === undefined || receiver === undefined
        ? []
        : [{ delivery, webhook, receiver }];
    });
  }
}

interface TakenRow extends Place {
  readonly id: string;
  readonly receiver: string;
}

interface TurnsRow {
  /** In the order of the round. */
  readonly taken: readonly TakenRow[];
  /** Where the look has ended; `null` if nothing was there to look at. */
  readonly last: (Place & { readonly step: number }) | null;
}

function asJson(underWay: ReadonlyMap<string, number>): string {
  return JSON.stringify(Object.fromEntries(underWay));
}

/**
 * In SQL about a delivery `d` and a webhook of the installation `i`: whether that is still told of the zone. What it was to
 * be told before its zones were changed is not sent any more.
 */
export const STILL_TOLD = `(i.all_zones OR d.zone_id = '${NIL}' OR EXISTS (
    SELECT FROM installation_webhook_zones z WHERE z.zone_id = d.zone_id AND z.webhook_id = i.id))`;

/** The webhook of a delivery: its id, and who receives what is sent there. No row if it is not to be sent now. */
const ITS_WEBHOOK = `LATERAL (
      SELECT w.id, webhook_receiver(w.url) AS receiver FROM webhooks w
       WHERE w.zone_id = d.zone_id AND w.id = d.webhook_id AND w.disabled_at IS NULL
       UNION ALL
      SELECT i.id, webhook_receiver(i.url) FROM installation_webhooks i
       WHERE i.id = d.installation_webhook_id AND i.disabled_at IS NULL AND i.removed_at IS NULL AND ${STILL_TOLD}
    ) AS w`;

const WAITING = 'd.delivered_at IS NULL AND d.dead_at IS NULL';
const DUE = `${WAITING} AND d.due_at <= clock_timestamp()`;
const WEBHOOK_ID = 'coalesce(d.webhook_id, d.installation_webhook_id)';
const HAS_ROOM = `NOT EXISTS (SELECT FROM under_way u WHERE u.receiver = w.receiver AND u.count >= $2::integer)`;

const UNDER_WAY = `under_way AS (
    SELECT key AS receiver, value::integer AS count FROM jsonb_each_text($1::jsonb)
  )`;

/** Of what may be sent (`turns`) what is taken: not all to one receiver, and nothing that another replica is just taking. */
const TAKEN = `fair AS (
    SELECT t.*, coalesce(u.count, 0) + row_number() OVER (PARTITION BY t.receiver ORDER BY t.turn, t.draw, t.at) AS n
      FROM turns t LEFT JOIN under_way u ON u.receiver = t.receiver
  ), picked AS (
    SELECT d.zone_id, d.id, f.webhook_id, f.receiver, f.turn, f.at
      FROM webhook_deliveries d JOIN fair f ON f.zone_id = d.zone_id AND f.id = d.id
     WHERE f.n <= $2::integer AND ${DUE}
     ORDER BY f.turn, f.at LIMIT $3 FOR UPDATE OF d SKIP LOCKED
  ), begun AS (
    UPDATE webhook_deliveries d
       SET attempts = d.attempts + 1, due_at = clock_timestamp() + make_interval(secs => $4)
      FROM picked p WHERE d.zone_id = p.zone_id AND d.id = p.id
    RETURNING d.zone_id, d.id, p.webhook_id, p.receiver, p.turn, p.at
  ), taken AS (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'id', b.id, 'zoneId', b.zone_id, 'webhookId', b.webhook_id, 'receiver', b.receiver) ORDER BY b.turn, b.at), '[]') AS taken
      FROM begun b
  )`;

/** In their order, which only the index of what waits has: nothing else is read. */
const ANY_DUE = `SELECT FROM webhook_deliveries d WHERE ${DUE} ORDER BY d.due_at LIMIT 1`;

/** The oldest first; but of the webhooks of one receiver, and of the zones of one webhook, each has its turn. */
const TAKE_OLDEST = `
  WITH ${UNDER_WAY}, due AS (
    SELECT d.zone_id, d.id, w.id AS webhook_id, d.due_at AS at, w.receiver
      FROM webhook_deliveries d CROSS JOIN ${ITS_WEBHOOK}
     WHERE ${DUE} AND ${HAS_ROOM}
     ORDER BY d.due_at LIMIT $5
  ), turns AS (
    SELECT *, row_number() OVER (PARTITION BY zone_id, webhook_id ORDER BY at) AS turn, 0 AS draw FROM due
  ), ${TAKEN}
  SELECT taken, (SELECT count(*)::int FROM due) AS looked FROM taken`;

/**
 * From one webhook to the next, by an index that has what waits for each together: the oldest that is due of each, and for a
 * webhook of the installation of each zone. Who goes first of those that share a receiver is drawn: there may always be more of
 * them than are sent there at once.
 */
const TAKE_IN_TURN = `
  WITH RECURSIVE ${UNDER_WAY}, round AS (
    SELECT $5::uuid AS zone_id, $6::uuid AS webhook_id, NULL::uuid AS id, 0 AS step
     UNION ALL
    SELECT n.zone_id, n.webhook_id, n.id, r.step + 1 FROM round r CROSS JOIN LATERAL (
      SELECT d.zone_id, ${WEBHOOK_ID} AS webhook_id, d.id FROM webhook_deliveries d
       WHERE ${WAITING} AND (d.zone_id, ${WEBHOOK_ID}) > (r.zone_id, r.webhook_id)
       ORDER BY d.zone_id, ${WEBHOOK_ID}, d.due_at LIMIT 1) AS n
     WHERE r.step < $7::integer
  ), turns AS (
    SELECT d.zone_id, d.id, w.id AS webhook_id, w.receiver, 1 AS turn, random() AS draw, r.step AS at
      FROM round r JOIN webhook_deliveries d ON d.zone_id = r.zone_id AND d.id = r.id CROSS JOIN ${ITS_WEBHOOK}
     WHERE ${DUE} AND ${HAS_ROOM}
  ), ${TAKEN}
  SELECT taken, (SELECT jsonb_build_object('zoneId', r.zone_id, 'webhookId', r.webhook_id, 'step', r.step)
                   FROM round r WHERE r.step > 0 ORDER BY r.step DESC LIMIT 1) AS last FROM taken`;
