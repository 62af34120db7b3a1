import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { BackgroundWork } from '../background-work.js';
import { VerifiedSignatures } from '../verified-signatures.js';
import { CLOCK, systemClock } from './clock.js';
import { ENV, type RunningEnv } from './env.js';
import { LOGGER } from './logger.js';

/** Provides everywhere what there is one of in a process: configuration, logger, clock, and the like. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(env: RunningEnv, logger: Logger): DynamicModule {
    return {
      module: ConfigModule,
      providers: [
        { provide: ENV, useValue: env },
        { provide: LOGGER, useValue: logger },
        { provide: CLOCK, useValue: systemClock },
        BackgroundWork,
        { provide: VerifiedSignatures, useFactory: () => new VerifiedSignatures() },
      ],
      exports: [ENV, LOGGER, CLOCK, BackgroundWork, VerifiedSignatures],
    };
  }
}
