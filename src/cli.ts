#!/usr/bin/env node
import { refuseOldNode } from './supported-node.js';
import type {
  DirectCommand,
  Format,
  MigrateCommand,
  VerifyAuditCommand,
} from './cli/direct-command.js';
import type { CommandResult } from './cli/command-result.js';
import type { Progress } from './cli/progress.js';
import type { Env } from './platform/config/env.js';

/**
 * Does what operators ask for on the command line. Each command loads what it needs: those that ask a server are there at
 * once, and a signer, which keeps keys for as long as it runs, has nothing of the service in it.
 */
async function main(argv: readonly string[]): Promise<number> {
  const { runProgram } = await import('./cli/program.js');
  const { readClientSettings, wantsNoColor } = await import('./platform/config/client-settings.js');
  const { processTerminal } = await import('./cli/terminal.js');
  return runProgram(argv, {
    terminal: processTerminal(wantsNoColor()),
    settings: readClientSettings,
    direct: runDirectly,
  });
}

/** Does what asks no server. @returns the exit code */
async function runDirectly(command: DirectCommand): Promise<number> {
  if (command.name === 'dev') {
    const { start } = await import('./start.js');
    await start();
    // The server ends the process, when it is told to stop or has failed.
    return new Promise<never>(() => {});
  }
  if (command.name === 'verify-audit') return finish(command, await verifyAudit(command));
  if (command.name === 'bundle-audit') {
    const { bundleAudit } = await import('./cli/bundle-audit.js');
    return finish(command, await bundleAudit(command));
  }
  if (command.name === 'verify-receipt') {
    const { verifyReceiptFile } = await import('./cli/verify-receipts.js');
    return finish(command, await verifyReceiptFile(command));
  }
  const { readEnvironment } = await import('./platform/config/environment.js');
  if (command.name === 'signer') {
    const { childEnvironment } = await import('./platform/config/read-env.js');
    const { runSigner } = await import('./cli/run-signer.js');
    return runSigner(command.options, readEnvironment().env.custody, childEnvironment());
  }
  const outcome =
    command.name === 'migrate' ? await migrate(command) : await run(command, readEnvironment().env);
  return finish(command, outcome);
}

/** Prints what is left to print. @returns the exit code */
async function finish({ json }: Format, outcome: CommandResult): Promise<number> {
  if (!json) await print(...outcome.lines);
  else if (outcome.json !== undefined) await print(JSON.stringify(outcome.json, null, 2));
  return outcome.code;
}

async function verifyAudit(command: VerifyAuditCommand & Format): Promise<CommandResult> {
  const ports = { print, progress: await progressHere() };
  const { bundle, json } = command;
  if (bundle !== null) {
    const { verifyBundle } = await import('./cli/verify-bundle.js');
    return verifyBundle({ ...command, bundle }, json, ports);
  }
  const { verifyDatabase } = await import('./cli/verify-audit.js');
  return verifyDatabase(command, json, ports);
}

/** Says on the standard error how far work is that begins now. */
async function progressHere(): Promise<Progress> {
  const { progressAt } = await import('./cli/progress.js');
  const { processTerminal } = await import('./cli/terminal.js');
  return progressAt(processTerminal(true));
}

async function run(
  command: Exclude<
    DirectCommand,
    {
      readonly name:
        'dev' | 'signer' | 'migrate' | 'verify-audit' | 'bundle-audit' | 'verify-receipt';
    }
  >,
  env: Env,
): Promise<CommandResult> {
  if (command.name !== 'drill') {
    const { runOnService } = await import('./service-commands.js');
    return runOnService(command, env, print);
  }
  const { drillRevocation } = await import('./cli/drill/revocation-drill.js');
  const { url, internalUrl, zoneId, count } = command;
  const adminToken = env.adminTokens[0] ?? (await tokenFor(internalUrl));
  const progress = await progressHere();
  return drillRevocation({ url, internalUrl, adminToken }, zoneId, count, progress);
}

/** The token that any other command would ask an installation with. @throws {CommandFailure} if there is none */
async function tokenFor(server: string): Promise<string> {
  const { connectionOf } = await import('./cli/api/connection.js');
  const { readClientSettings } = await import('./platform/config/client-settings.js');
  const { token } = await connectionOf({ server }, readClientSettings(), () => Promise.resolve(''));
  return token;
}

async function migrate(command: MigrateCommand): Promise<CommandResult> {
  const { migrateDatabase } = await import('./cli/migrate.js');
  return migrateDatabase(command);
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

/** What went wrong, without where in the code that was noticed. */
async function describe(error: unknown): Promise<string> {
  const { CustodyUnavailable } = await import('./sealing/key-encryption.js');
  if (error instanceof CustodyUnavailable) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

refuseOldNode();
// A write that fails because the reader has gone says so itself.
process.stdout.on('error', () => {});

try {
  const code = await main(process.argv.slice(2));
  // What was written may still be in a pipe; connections that would linger are not waited for.
  process.stdout.write('', () => process.exit(code));
} catch (error) {
  const { EXIT } = await import('./cli/command-result.js');
  const text = await describe(error);
  process.stderr.write(`${text}\n`, () => process.exit(EXIT.impossible));
}
