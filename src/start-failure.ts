import { InvalidEnvironment } from './platform/config/env.js';
import { EmbeddedServerMissing } from './platform/database/embedded-launch.js';
import { DataDirectoryInUse } from './platform/database/embedded-lock.js';
import { DatabaseUnusable } from './platform/database/start-patience.js';
import { PortUnusable } from './platform/http/listeners.js';
import { UnsupportedDatabase } from './schema/migrate.js';
import { WrongKeyEncryptionKey } from './sealing/key-encryption-keys.service.js';
import { CustodyUnavailable } from './sealing/key-encryption.js';

/** Thrown if the workers could not start. The message is for operators. */
export class WorkersFailed extends Error {
  override readonly name = 'WorkersFailed';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** Errors that are about how the process was started: operators need no stack of them. */
const KNOWN = [
  InvalidEnvironment,
  DataDirectoryInUse,
  EmbeddedServerMissing,
  DatabaseUnusable,
  UnsupportedDatabase,
  WrongKeyEncryptionKey,
  PortUnusable,
  WorkersFailed,
];

/** What operators are told of an error that ends a start. */
export function describeStartFailure(error: unknown): string {
  if (error instanceof CustodyUnavailable) return error.detail;
  if (!(error instanceof Error)) return String(error);
  const known = KNOWN.some((type) => error instanceof type);
  return known ? error.message : (error.stack ?? error.message);
}
