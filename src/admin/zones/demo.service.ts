import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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
import { addSecret, createClient } from '../clients/client-registration.js';
import { AuditedChanges } from '../audited-changes.service.js';
import {
  activate,
  addPolicySetVersion,
  createPolicy,
  createPolicySet,
} from '../policy/policy-authoring.js';
import { createResource } from './resource-registration.js';
import { createZone, generateZoneKeys } from './zone-registration.js';

/** What a newcomer needs for a first request; the content of `demo.json`. */
export interface DemoFile {
  readonly issuer: string;
  readonly zone_id: string;
  readonly application_id: string;
  readonly client_secret: string;
  readonly resource: string;
  readonly scope: string;
  /** What takes an approval; absent in a demo zone that is older than step-up. */
  readonly step_up?: { readonly resource: string; readonly scope: string };
  readonly admin_token: string | undefined;
}

const NAME = 'demo';
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
  resource == Resource::"${RESOURCE}" || resource == Resource::"${PAYMENTS.resource}"
};

@id("demo-approval")
@reason("a second person has to approve of payments")
@step_up("approval")
forbid (
  principal,
  action == Action::"TokenExchange",
  resource == Resource::"${PAYMENTS.resource}"
);
`;

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
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /**
   * Makes the demo zone on an empty database, and keeps `demo.json` true on later starts.
   *
   * @returns the path of a curl configuration that asks for a mandate; `null` if the operator has
   *   removed the demo zone
   */
  async prepare(): Promise<string | null> {
    const path = join(this.env.dataDir, 'demo.json');
    const known = existsSync(path) ? await readDemoFile(path) : null;
    const demo = known ?? (await this.create());
    if (demo === null) return null;
    const zone = await this.zones.findOneBy({ id: demo.zone_id });
    if (zone === null) return null;
    const issuer = issuerOf(zone.id, zone, this.env.issuerUrl);
    const current = { ...demo, issuer, admin_token: this.env.adminToken };
    await writePrivate(path, `${JSON.stringify(current, null, 2)}\n`);
    const curlPath = join(this.env.dataDir, 'demo.curl');
    await writePrivate(curlPath, curlConfig(current));
    return curlPath;
  }

  private async create(): Promise<DemoFile | null> {
    const existing = await this.zones.findOneBy({ name: NAME });
    if (existing !== null) return this.reissue(existing);
    if ((await this.zones.count()) > 0) return null;
    const zoneId = uuidv7();
    const change = { zoneId, requestId: { request_id: uuidv7() }, type: 'demo.created' };
    const keys = await generateZoneKeys(zoneId, this.sealing, this.generation);
    return this.changes.runWithoutZone(change, async (tx) => {
      const zone = await createZone(tx, this.rotations, { id: zoneId, name: NAME }, keys);
      const client = await createClient(tx, zoneId, { name: 'demo client' });
      await createResource(tx, zoneId, { identifier: RESOURCE, scopes: [SCOPE] });
      const { resource: identifier, scope } = PAYMENTS;
      await createResource(tx, zoneId, { identifier, scopes: [scope] });
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
    const change = { zoneId, requestId: { request_id: uuidv7() }, type: 'demo.secret_reissued' };
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
      ...((await hasPayments(tx, zone.id)) ? { step_up: PAYMENTS } : {}),
      admin_token: this.env.adminToken,
    };
  }
}

async function hasPayments(tx: EntityManager, zoneId: string): Promise<boolean> {
  return tx.getRepository(Resource).existsBy({ zoneId, identifier: PAYMENTS.resource });
}

async function readDemoFile(path: string): Promise<DemoFile | null> {
  try {
    const demo: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isDemoFile(demo) ? demo : null;
  } catch {
    // Half a file is as good as none: it is written anew.
    return null;
  }
}

function isDemoFile(value: unknown): value is DemoFile {
  if (typeof value !== 'object' || value === null) return false;
  const texts = ['zone_id', 'application_id', 'client_secret', 'resource', 'scope'];
  return texts.every((name) => typeof Reflect.get(value, name) === 'string');
}

/** Keeps the secret out of the command line, the terminal and the log. */
function curlConfig(demo: DemoFile): string {
  const parameters = {
    grant_type: 'client_credentials',
    client_id: demo.application_id,
    client_secret: demo.client_secret,
    resource: demo.resource,
    scope: demo.scope,
  };
  return Object.entries(parameters)
    .map(([name, value]) => `data-urlencode = "${name}=${value}"\n`)
    .join('');
}
