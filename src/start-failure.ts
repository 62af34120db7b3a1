import { InvalidEnvironment } from './platform/config/environment-problems.js';
import { EnvFileUnreadable } from './platform/config/env-file.js';
import { DataDirectoryInUse } from './platform/database/embedded-lock.js';
import { EmbeddedUnusable } from './platform/database/embedded-failure.js';
import { DatabaseUnusable } from './platform/database/start-patience.js';
import { PortUnusable } from './platform/http/listeners.js';
import { UnsupportedDatabase } from './schema/migrate.js';
import { WrongKeyEncryptionKey } from './sealing/key-encryption-keys.service.js';
import { CustodyUnavailable } from './sealing/key-encryption.js';

/** Exit codes of a start that has failed, two of them by the names of `sysexits.h`. */
export const START_EXIT = {
  /** A fault of Mandate or of what it runs on; a stack says where. */
  fault: 1,
  /** `EX_TEMPFAIL`: what is needed is not there now, or another program has it. The same start may succeed later. */
  notNow: 75,
  /** `EX_CONFIG`: what was given cannot work, however often it is tried. */
  configuration: 78,
} as const;

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

/** A start that has failed. */
export interface StartFailure {
  /** For operators: a sentence with the remedy or, for a fault, a stack. */
  readonly text: string;
  readonly exitCode: number;
}

/** What operators are told of an error that ends a start, and with which code it ends. */
export function describeStartFailure(error: unknown): StartFailure {
  const { notNow, configuration, fault } = START_EXIT;
  if (error instanceof CustodyUnavailable) return { text: error.detail, exitCode: notNow };
  if (!(error instanceof Error)) return { text: String(error), exitCode: fault };
  const text = error.message;
  if (error instanceof WorkersFailed) return { text, exitCode: error.exitCode };
  if (error instanceof DataDirectoryInUse) return { text, exitCode: notNow };
  for (const type of [DatabaseUnusable, PortUnusable, EmbeddedUnusable]) {
    if (error instanceof type) return { text, exitCode: error.passing ? notNow : configuration };
  }
  for (const type of [
    InvalidEnvironment,
    EnvFileUnreadable,
    UnsupportedDatabase,
    WrongKeyEncryptionKey,
  ]) {
    if (error instanceof type) return { text, exitCode: configuration };
  }
  return { text: error.stack ?? text, exitCode: fault };
}
