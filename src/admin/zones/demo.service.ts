import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { InjectRepository } from '@nestjs/typeorm';
import type { EntityManager, Repository } from 'typeorm';
import { ClientSecret } from '../../zones/clients/client-secret.entity.js';
import { Client } from '../../zones/clients/client.entity.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { writePrivate } from '../../platform/config/private-file.js';
import { KeyGeneration } from '../../keys/rotation/key-generation.service.js';
import { Rotations } from '../../keys/rotation/rotations.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Resource } from '../../zones/resource.entity.js';
import { issuerOf } from '../../zones/zone-issuer.js';
import { Zone } from '../../zones/zone.entity.js';
import { linkTo } from '../../step-up/authenticators/link.js';
import { addSecret, createClient } from '../clients/client-registration.js';
import { AuditedChanges } from '../audited-changes.service.js';
import type { ActsAs } from '../operators/operator.js';
import {
  activate,
  addPolicySetVersion,
  createPolicy,
  createPolicySet,
} from '../policy/policy-authoring.js';
import { curlConfig, demoFileIn, readDemoFile, type DemoFile } from './demo-file.js';
import { BANK, BANK_AS_REGISTERED, DemoPeople } from './demo-people.service.js';
import { createResource } from './resource-registration.js';
import { createZone, generateZoneKeys } from './zone-registration.js';

/** The page of the demo that asks for a confirmation. */
const DEMO_PAGE = '/demo';

const NAME = 'demo';
const DEMO: ActsAs = { id: null, name: 'demo' };
const RESOURCE = 'resource://pipernet';
const SCOPE = 'pipernet:read';

const PAYMENTS = { resource: 'resource://pipernet/payments', scope: 'payments:send' } as const;

const policyFor = (clientId: string): string => `@id("demo")
@reason("the demo client may use the demo resources")
permit (
  principal == Application::"${clientId}",
  action == Action::"TokenExchange",
  resource
) when {
  resource == Resource::"${RESOURCE}" ||
  resource == Resource::"${PAYMENTS.resource}" ||
  resource == Resource::"${BANK.resource}"
};

@id("demo-approval")
@reason("a second person has to approve of payments")
@step_up("approval")
forbid (
  principal,
  action == Action::"TokenExchange",
  resource == Resource::"${PAYMENTS.resource}"
);

@id("demo-person")
@reason("the person has to confirm transfers")
@step_up("mfa")
forbid (
  principal,
  action == Action::"TokenExchange",
  resource == Resource::"${BANK.resource}"
);
`;

/** What there is to try. */
export interface Introduction {
  /** The path of a curl configuration that asks for a mandate. */
  readonly curlConfig: string;
  /** The link to what a person sees who has to confirm, without the origin; `null` in a demo zone without a person. */
  readonly confirmPath: string | null;
}

/** Makes the demo zone of embedded mode. */
@Injectable()
export class Demo {
  constructor(
    @InjectRepository(Zone) private readonly zones: Repository<Zone>,
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    private readonly changes: AuditedChanges,
    private readonly sealing: Sealing,
    private readonly generation: KeyGeneration,
    private readonly rotations: Rotations,
    private readonly people: DemoPeople,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Makes the demo zone on an empty database, and keeps `demo.json` true on later starts.
   *
   * @returns what to try; `null` if the operator has removed the demo zone
   */
  async prepare(): Promise<Introduction | null> {
    const path = demoFileIn(this.env.dataDir);
    const demo = (await readDemoFile(path)) ?? (await this.create());
    if (demo === null) return null;
    const zone = await this.zones.findOneBy({ id: demo.zone_id });
    if (zone === null) return null;
    const issuer = issuerOf(zone.id, zone, this.env.issuerUrl);
    const current = { ...demo, issuer, admin_token: this.env.adminTokens[0] };
    await writePrivate(path, `${JSON.stringify(current, null, 2)}\n`);
    const curlPath = join(this.env.dataDir, 'demo.curl');
    await writePrivate(curlPath, curlConfig(current));
    const { person } = current;
    return {
      curlConfig: curlPath,
      confirmPath: person === undefined ? null : linkTo('', DEMO_PAGE, person.page_secret),
    };
  }

  private async create(): Promise<DemoFile | null> {
    const existing = await this.zones.findOneBy({ name: NAME });
    if (existing !== null) return this.reissue(existing);
    if ((await this.zones.count()) > 0) return null;
    const zoneId = uuidv7();
    const change = {
      zoneId,
      requestId: { request_id: uuidv7() },
      type: 'demo.created',
      operator: DEMO,
    };
    const keys = await generateZoneKeys(zoneId, this.sealing, this.generation);
    return this.changes.runWithoutZone(change, async (tx) => {
      const zone = await createZone(
        tx,
        this.rotations,
        { id: zoneId, name: NAME, displayName: 'Pied Piper' },
        keys,
      );
      const client = await createClient(tx, zoneId, {
        name: 'demo client',
        description: 'the application that the demo asks as',
      });
      await createResource(tx, zoneId, { identifier: RESOURCE, scopes: [SCOPE] });
      const { resource: identifier, scope } = PAYMENTS;
      await createResource(tx, zoneId, { identifier, scopes: [scope] });
      await createResource(tx, zoneId, BANK_AS_REGISTERED);
      const content = policyFor(client.id);
      const author = 'demo';
      const { version } = await createPolicy(tx, zoneId, { name: NAME, content, author });
      const set = await createPolicySet(tx, zoneId, NAME);
      const setVersion = await addPolicySetVersion(tx, set, {
        policyVersionIds: [version.id],
        modules: [{ id: NAME, content }],
        author,
      });
      await activate(tx, zoneId, setVersion.id);
      return { result: await this.secretFor(tx, zone, client), details: { client_id: client.id } };
    });
  }

  /** `demo.json` was lost, and the secret with it: the demo client gets a new one. */
  private async reissue(zone: Zone): Promise<DemoFile | null> {
    const zoneId = zone.id;
    const client = await this.clients.findOneBy({ zoneId, name: 'demo client' });
    if (client === null) return null;
    const change = {
      zoneId,
      requestId: { request_id: uuidv7() },
      type: 'demo.secret_reissued',
      operator: DEMO,
    };
    return this.changes.run(change, async (tx) => {
      const secrets = tx.getRepository(ClientSecret);
      await secrets.update({ zoneId, clientId: client.id }, { revokedAt: () => 'now()' });
      return { result: await this.secretFor(tx, zone, client), details: { client_id: client.id } };
    });
  }

  private async secretFor(tx: EntityManager, zone: Zone, client: Client): Promise<DemoFile> {
    const digestKey = await this.sealing.openDigestKey(zone.id, zone.sealedDigestKey);
    const { secret } = await addSecret(tx, client, { kind: 'drawn' }, digestKey, null);
    return {
      issuer: issuerOf(zone.id, zone, this.env.issuerUrl),
      zone_id: zone.id,
      application_id: client.id,
      client_secret: secret ?? '',
      resource: RESOURCE,
      scope: SCOPE,
      ...((await hasResource(tx, zone.id, PAYMENTS.resource)) ? { step_up: PAYMENTS } : {}),
      ...((await hasResource(tx, zone.id, BANK.resource))
        ? { person: await this.people.settle(tx, zone.id, client.id) }
        : {}),
      admin_token: this.env.adminTokens[0],
    };
  }
}

async function hasResource(
  tx: EntityManager,
  zoneId: string,
  identifier: string,
): Promise<boolean> {
  return tx.getRepository(Resource).existsBy({ zoneId, identifier });
}
