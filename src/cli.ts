#!/usr/bin/env node
import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { KeyRotation } from './admin/keys/key-rotation.service.js';
import { Rewrap } from './admin/keys/rewrap.service.js';
import { AuthenticatorRenewal } from './admin/step-up/authenticator-renewal.service.js';
import { CommandModule } from './app.module.js';
import {
  HELP,
  readCommand,
  WrongUsage,
  type Format,
  type ServiceCommand,
} from './cli/arguments.js';
import { rewrapAll, verifyAll } from './cli/keys-commands.js';
import { listKeys } from './cli/list-keys.js';
import { EXIT, type Outcome } from './cli/outcome.js';
import { renewAuthenticators } from './cli/renew-authenticators.js';
import { rotateKeys } from './cli/rotate-keys.js';
import { runSigner } from './cli/run-signer.js';
import { systemClock } from './platform/config/clock.js';
import { childEnvironment, readEnv, type RunningEnv } from './platform/config/env.js';
import { outageOf, refusalOf } from './platform/database/outage.js';
import { createLogger, nestLogger } from './platform/config/logger.js';
import { attach } from './embedded.js';
import { pendingMigrations } from './health/schema.js';
import { KeyEncryptionKeys } from './sealing/key-encryption-keys.service.js';
import { CustodyUnavailable } from './sealing/key-encryption.js';
import { SealedValues } from './sealing/sealed-values.service.js';
import { Sealing } from './sealing/sealing.service.js';

/** Does what operators ask for on the command line, on the database and with the environment of the service. */
async function main(argv: readonly string[]): Promise<number> {
  const command = readCommand(argv);
  if (command.name === 'help') {
    process.stdout.write(HELP);
    return EXIT.done;
  }
  if (command.name === 'signer') {
    return runSigner(command.options, readEnv().custody, childEnvironment());
  }
  const outcome = await runOnService(command);
  if (!command.json) await print(...outcome.lines);
  else if (outcome.json !== undefined) await print(JSON.stringify(outcome.json, null, 2));
  return outcome.code;
}

/**
 * Writes lines to the standard output, and waits until they are out of this process.
 *
 * @throws {Error} if there is no reader (any more)
 */
async function print(...lines: readonly string[]): Promise<void> {
  const text = lines.map((line) => `${line}\n`).join('');
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

async function runOnService(command: ServiceCommand & Format): Promise<Outcome> {
  const logger = createLogger('silent');
  const { env, stop } = await attach(readEnv(), logger);
  try {
    await reach(env);
    const app = await NestFactory.createApplicationContext(CommandModule.forRoot(env, logger), {
      logger: nestLogger(logger),
      abortOnError: false,
    });
    try {
      return await run(command, app);
    } finally {
      await app.close();
    }
  } finally {
    await stop();
  }
}

/** Fails at once if the database is away: the service waits for it, a command does not. */
async function reach({ databaseUrl, limits }: RunningEnv): Promise<void> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limits.connectMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (cause) {
    const why =
      refusalOf(cause) ?? `the database is out of reach: ${outageOf(cause) ?? String(cause)}`;
    throw new Error(why, { cause });
  } finally {
    await client.end().catch(() => {});
  }
}

async function run(
  command: ServiceCommand & Format,
  app: INestApplicationContext,
): Promise<Outcome> {
  const dataSource = app.get(DataSource);
  if ((await pendingMigrations(dataSource)).length > 0) {
    throw new Error('the schema is not up to date: start the service, or npm run migrate');
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

/** What went wrong, without where in the code that was noticed. */
function describe(error: unknown): string {
  if (error instanceof CustodyUnavailable) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

// A write that fails because the reader has gone says so itself.
process.stdout.on('error', () => {});

try {
  const code = await main(process.argv.slice(2));
  // What was written may still be in a pipe; connections that would linger are not waited for.
  process.stdout.write('', () => process.exit(code));
} catch (error) {
  const usage = error instanceof WrongUsage;
  process.stderr.write(`${describe(error)}\n${usage ? `\n${HELP}` : ''}`, () =>
    process.exit(usage ? EXIT.usage : EXIT.impossible),
  );
}
