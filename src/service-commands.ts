import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { TwoPersonSwitch } from './admin/approvals/two-person-switch.service.js';
import { KeyRotation } from './admin/keys/key-rotation.service.js';
import { Rewrap } from './admin/keys/rewrap.service.js';
import { AdminTokenDoor } from './admin/operators/admin-token-door.service.js';
import { AuthenticatorRenewal } from './admin/step-up/authenticator-renewal.service.js';
import { ReceivingKeys } from './admin/zone-moves/receiving-keys.service.js';
import { ZoneReceiver } from './admin/zone-moves/zone-receiver.service.js';
import { ZoneSender } from './admin/zone-moves/zone-sender.service.js';
import { CommandModule } from './app.module.js';
import type { Format, ServiceCommand } from './cli/direct-command.js';
import { rewrapAll, verifyAll } from './cli/keys-commands.js';
import { listKeys } from './cli/list-keys.js';
import type { CommandResult } from './cli/command-result.js';
import { receiveZone } from './cli/move/receive-zone.js';
import { sendZone } from './cli/move/send-zone.js';
import { prune } from './cli/prune.js';
import { reopenAdminToken } from './cli/reopen-admin-token.js';
import { renewAuthenticators } from './cli/renew-authenticators.js';
import { rotateKeys } from './cli/rotate-keys.js';
import { turnOffTwoPersonRule } from './cli/turn-off-two-person-rule.js';
import { systemClock } from './platform/config/clock.js';
import { ENV, type Env, type RunningEnv } from './platform/config/env.js';
import { outageOf, refusalOf, unknownHostOf } from './platform/database/outage.js';
import { findPooler } from './platform/database/pooler.js';
import { DatabaseUnusable } from './platform/database/start-patience.js';
import type { ZoneShardMap } from './platform/database/zone-shards.js';
import { isDistributed } from './schema/distribution/cluster.js';
import { openConnection } from './schema/schema-connection.js';
import { prepareZoneShards, readZoneShards } from './schema/zone-shards.js';
import { createLogger, nestLogger } from './platform/config/logger.js';
import { attach } from './embedded.js';
import { pendingMigrations } from './health/schema.js';
import { KeyEncryptionKeys } from './sealing/key-encryption-keys.service.js';
import { SealedValues } from './sealing/sealed-values.service.js';
import { Sealing } from './sealing/sealing.service.js';

/**
 * Runs a command with the services of the service, on its database.
 *
 * @param print writes lines that are not to be lost if the command is ended before it is done
 * @throws if the database or what it is sealed with cannot be used; the message is for operators
 */
export async function runOnService(
  command: ServiceCommand & Format,
  given: Env,
  print: (line: string) => Promise<void>,
): Promise<CommandResult> {
  const logger = createLogger('silent');
  const { env: prepared, stop } = await attach(given, logger);
  try {
    const env = await reach(prepared);
    const app = await servicesOn(env, logger);
    try {
      const shards = await shardsOf(app.get(DataSource), env);
      if (shards === null) return await run(command, app, print);
      return await runOnShards(
        command,
        await servicesOn({ ...env, zoneShards: shards }, logger),
        print,
      );
    } finally {
      await app.close();
    }
  } finally {
    await stop();
  }
}

function servicesOn(env: RunningEnv, logger: Logger): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(CommandModule.forRoot(env, logger), {
    logger: nestLogger(logger),
    abortOnError: false,
  });
}

/** The shards of a distributed database, each ready to be worked on; null on a plain server, for one statement more. */
async function shardsOf(
  dataSource: DataSource,
  { databaseUrl, limits }: RunningEnv,
): Promise<ZoneShardMap | null> {
  const query = async (text: string) => ({ rows: await dataSource.query<unknown[]>(text) });
  if (!(await isDistributed({ query }))) return null;
  const connection = await openConnection(databaseUrl, limits.connectMs);
  try {
    const map = await readZoneShards(connection, databaseUrl);
    return map === null ? null : await prepareZoneShards(map, limits.connectMs, () => {});
  } finally {
    await connection.end().catch(() => {});
  }
}

async function runOnShards(
  command: ServiceCommand & Format,
  app: INestApplicationContext,
  print: (line: string) => Promise<void>,
): Promise<CommandResult> {
  try {
    if (command.name === 'send-zone' || command.name === 'receive-zone') {
      throw new Error('zones are neither sent from a distributed database nor received in one');
    }
    return await run(command, app, print);
  } finally {
    await app.close();
  }
}

/**
 * Fails at once if the database is away: the service waits for it, a command does not.
 *
 * @returns the environment, with what was found of the way there
 */
async function reach(env: RunningEnv): Promise<RunningEnv> {
  try {
    const pooler = await findPooler(env.databaseUrl, env.limits.connectMs);
    return { ...env, limits: { ...env.limits, pooler } };
  } catch (cause) {
    if (cause instanceof DatabaseUnusable) throw cause;
    const why =
      refusalOf(cause) ??
      unknownHostOf(cause) ??
      `the database is out of reach: ${outageOf(cause) ?? String(cause)}`;
    throw new Error(why, { cause });
  }
}

async function run(
  command: ServiceCommand & Format,
  app: INestApplicationContext,
  print: (line: string) => Promise<void>,
): Promise<CommandResult> {
  const dataSource = app.get(DataSource);
  if ((await pendingMigrations(dataSource)).length > 0) {
    throw new Error('the schema is not up to date: start the service, or mandate migrate');
  }
  if (command.name === 'prune') return prune(app.get<RunningEnv>(ENV), command.plan);
  if (command.name === 'reopen-admin-token') return reopenAdminToken(app.get(AdminTokenDoor));
  if (command.name === 'turn-off-two-person-rule') {
    return turnOffTwoPersonRule(app.get(TwoPersonSwitch));
  }
  const keyEncryptionKeys = app.get(KeyEncryptionKeys);
  const sealing = app.get(Sealing);
  if (command.name === 'list') {
    return listKeys(dataSource.manager, command.zoneId, systemClock.now());
  }
  // A command that only looks runs also if a key is missing; one that seals needs the right keys.
  if (command.name === 'verify') {
    return verifyAll({
      keyEncryptionKeys,
      sealing,
      sealedValues: app.get(SealedValues),
      read: dataSource.manager,
    });
  }
  await keyEncryptionKeys.check();
  if (command.name === 'send-zone') return sendZone(app.get(ZoneSender), command);
  if (command.name === 'receive-zone')
    return receiveZone(app.get(ZoneReceiver), app.get(ReceivingKeys), command);
  if (command.name === 'rewrap') {
    return rewrapAll({ keyEncryptionKeys, sealing, rewrap: app.get(Rewrap) }, command.all);
  }
  if (command.name === 'renew') {
    const services = { read: dataSource.manager, renewal: app.get(AuthenticatorRenewal) };
    return renewAuthenticators(services, command, print);
  }
  const services = { read: dataSource.manager, rotation: app.get(KeyRotation) };
  return rotateKeys(services, command.zoneId, command.emergency);
}
