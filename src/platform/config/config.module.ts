import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { BackgroundWork } from '../background-work.js';
import { PRIMARY, type Link } from '../workers/link.js';
import { CHANGE_LEVEL, SHOW_LEVEL } from '../workers/topics.js';
import { VerifiedSignatures } from '../verified-signatures.js';
import { CLOCK, systemClock } from './clock.js';
import { ENV, type RunningEnv } from './env.js';
import { LOG_LEVELS_TOKEN, logLevelOf, type LogLevels } from './log-level.js';
import { LOGGER } from './logger.js';

/** Provides everywhere what there is one of in a process: configuration, logger, clock, and the like. */
@Global()
@Module({})
export class ConfigModule {
  /** @param primary the process that this one is a worker of; `null` if it is none */
  static forRoot(env: RunningEnv, logger: Logger, primary: Link | null = null): DynamicModule {
    return {
      module: ConfigModule,
      providers: [
        { provide: ENV, useValue: env },
        { provide: LOGGER, useValue: logger },
        { provide: CLOCK, useValue: systemClock },
        { provide: PRIMARY, useValue: primary },
        { provide: LOG_LEVELS_TOKEN, useValue: levelsOf(logger, primary) },
        BackgroundWork,
        { provide: VerifiedSignatures, useFactory: () => new VerifiedSignatures() },
      ],
      exports: [ENV, LOGGER, CLOCK, PRIMARY, LOG_LEVELS_TOKEN, BackgroundWork, VerifiedSignatures],
    };
  }
}

/** The level of the log: that of all workers, which is changed in their primary process, or that of this process. */
function levelsOf(logger: Logger, primary: Link | null): LogLevels {
  if (primary === null) return logLevelOf(logger);
  return {
    show: () => primary.ask(SHOW_LEVEL, null),
    change: (wanted) => primary.ask(CHANGE_LEVEL, wanted),
  };
}
