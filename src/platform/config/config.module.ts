import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { BackgroundWork } from '../background-work.js';
import { PRIMARY, type Link } from '../workers/link.js';
import { VerifiedSignatures } from '../verified-signatures.js';
import { CLOCK, systemClock } from './clock.js';
import { ENV, type RunningEnv } from './env.js';
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
        BackgroundWork,
        { provide: VerifiedSignatures, useFactory: () => new VerifiedSignatures() },
      ],
      exports: [ENV, LOGGER, CLOCK, PRIMARY, BackgroundWork, VerifiedSignatures],
    };
  }
}
