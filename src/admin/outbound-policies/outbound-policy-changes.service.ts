import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import type { OutboundTarget } from '../../platform/outbound/outbound-policy.js';
import { OutboundPolicyRow } from '../../platform/outbound/outbound-policy.entity.js';
import { changeColumns, findMatching, type Administered } from '../administered.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import type { Change } from '../change.js';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import type { Foreseen, WouldDelete } from '../dry-runs.service.js';
import { entityTag, type Precondition } from '../entity-tag.js';
import { findRow } from '../find-row.js';
import type { PageQuery } from '../pagination.body.js';
import { containing, having, readPage, type Page } from '../pagination.js';
import type {
  OutboundPoliciesQuery,
  OutboundPolicyBody,
  OutboundPolicyChangeBody,
} from './outbound-policy.body.js';
import {
  changedColumns,
  checkSameTarget,
  createOutboundPolicy,
  replacing,
} from './outbound-policy-registration.js';
import { toView, type OutboundPolicyView } from './outbound-policy-view.js';

/** A policy by its place: the zone, or `null` for the installation. */
export interface PolicyPlace {
  readonly zoneId: string | null;
  readonly id: string;
}

/** How many zones a policy takes something away from. */
export type UseOfOutboundPolicy = Counts<'zones'>;

/** A policy that is there, and what it is for. */
export interface PlacedPolicy extends PolicyPlace {
  readonly target: OutboundTarget;
}

const POLICIES: Administered<OutboundPolicyRow, OutboundPolicyView> = {
  entity: OutboundPolicyRow,
  noun: 'outbound policy',
  recordedAs: 'outbound_policy',
  view: (_tx, row) => toView(row),
};

/** Reads and changes policies for outbound requests, of a zone and of the installation alike. */
@Injectable()
export class OutboundPolicyChanges {
  constructor(
    @InjectRepository(OutboundPolicyRow) private readonly rows: Repository<OutboundPolicyRow>,
    private readonly changes: AuditedChanges,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** Makes a policy. @param zoneId `null` for the installation */
  create(
    change: Change,
    zoneId: string | null,
    body: OutboundPolicyBody,
  ): Promise<OutboundPolicyView> {
    return this.run(change, zoneId, async (tx) => {
      const result = toView(await createOutboundPolicy(tx, zoneId, body, this.env));
      return { result, details: { outbound_policy: result } };
    });
  }

  /** Lists policies. @param zoneId `null` for the installation */
  list(
    zoneId: string | null,
    { name, target, search, ...page }: OutboundPoliciesQuery,
  ): Promise<Page<OutboundPolicyView>> {
    const [within, filters] =
      zoneId === null ? [{}, [{ sql: 'row.zone_id IS NULL' }]] : [{ zoneId }, []];
    return readPage(this.rows, within, page, toView, [
      ...filters,
      ...having('name', name),
      ...having('target', target),
      ...containing(['name'], search),
    ]);
  }

  /** Lists the policies that count for a zone: the installation's, and its own. @param zoneId `null` for no zone */
  listEffective(zoneId: string | null, page: PageQuery): Promise<Page<OutboundPolicyView>> {
    const sql = 'row.zone_id IS NULL OR row.zone_id = :zone';
    return readPage(this.rows, {}, page, toView, [
      { sql: `(${sql})`, parameters: { zone: zoneId } },
    ]);
  }

  /** Finds a policy by its id alone. @throws {NotFoundException} */
  async placeOf(id: string): Promise<PlacedPolicy> {
    const { zoneId, target } = await findRow(this.rows, { id }, POLICIES.noun);
    return { id, zoneId, target };
  }

  /** Shows a policy. @throws {NotFoundException} */
  async show(place: PolicyPlace): Promise<OutboundPolicyView> {
    return toView(await findRow(this.rows, at(place), POLICIES.noun));
  }

  /** Changes a policy as a merge patch says. @throws {PreconditionFailedException} */
  change(
    change: Change,
    place: PolicyPlace,
    precondition: Precondition,
    body: OutboundPolicyChangeBody,
  ): Promise<OutboundPolicyView> {
    return this.changed(change, place, precondition, () => body);
  }

  /** Replaces all of a policy but what it is for. @throws {PreconditionFailedException} */
  replace(
    change: Change,
    place: PolicyPlace,
    precondition: Precondition,
    body: OutboundPolicyBody,
  ): Promise<OutboundPolicyView> {
    return this.changed(change, place, precondition, (row) => {
      checkSameTarget(row, body);
      return replacing(body);
    });
  }

  /** Removes a policy. @throws {PreconditionFailedException} */
  async remove(change: Change, place: PolicyPlace, precondition: Precondition): Promise<void> {
    await this.run(change, place.zoneId, async (tx) => {
      const { view } = await findMatching(tx, POLICIES, at(place), precondition);
      await tx.getRepository(OutboundPolicyRow).delete(at(place));
      return { result: undefined, details: { outbound_policy: view } };
    });
  }

  /** Looks at a policy that is to be removed, and at how many zones it counts for. @throws {PreconditionFailedException} */
  async foresee(
    tx: EntityManager,
    place: PolicyPlace,
    precondition: Precondition,
  ): Promise<Foreseen<WouldDelete<OutboundPolicyView, UseOfOutboundPolicy>>> {
    const { view } = await findMatching(tx, POLICIES, at(place), precondition);
    const zones = 'zones z WHERE z.removed_at IS NULL';
    const affects =
      place.zoneId === null
        ? await countRows(tx, { zones }, [])
        : await countRows(tx, { zones: `${zones} AND z.id = $1` }, [place.zoneId]);
    return { tag: entityTag(view), would: { delete: view, affects } };
  }

  private changed(
    change: Change,
    place: PolicyPlace,
    precondition: Precondition,
    bodyFor: (row: OutboundPolicyRow) => OutboundPolicyChangeBody,
  ): Promise<OutboundPolicyView> {
    return this.run(change, place.zoneId, (tx) =>
      changeColumns(tx, POLICIES, at(place), precondition, (row) =>
        changedColumns(bodyFor(row), this.env),
      ),
    );
  }

  private run<T>(
    change: Change,
    zoneId: string | null,
    make: (tx: EntityManager) => Promise<Made<T>>,
  ): Promise<T> {
    return zoneId === null
      ? this.changes.runWithoutZone(change, make)
      : this.changes.run(change, make);
  }
}

function at({ zoneId, id }: PolicyPlace) {
  return { id, zoneId: zoneId ?? IsNull() };
}
