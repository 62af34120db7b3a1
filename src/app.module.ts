import { Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { AdminModule } from './admin/admin.module.js';
import { AuthenticatorsModule } from './step-up/authenticators/authenticators.module.js';
import { AgentsModule } from './delegation/agents/agents.module.js';
import { ConfigModule } from './platform/config/config.module.js';
import type { RunningEnv } from './platform/config/env.js';
import type { StartPatience } from './platform/database/start-patience.js';
import type { Link } from './platform/workers/link.js';
import { DatabaseModule } from './schema/database.module.js';
import { DemoModule } from './demo/demo.module.js';
import { FeedModule } from './issuer/feed/feed.module.js';
import { HealthModule } from './health/health.module.js';
import { IntrospectionModule } from './issuer/introspection/introspection.module.js';
import { RegistriesModule } from './platform/http/registries.module.js';
import { ZoneHostsModule } from './zones/hosts/zone-hosts.module.js';
import { HttpModule } from './platform/http/http.module.js';
import { StatusListsModule } from './issuer/status-lists/status-lists.module.js';
import { SsfModule } from './issuer/ssf/ssf.module.js';
import { RevocationModule } from './issuer/revocation/revocation.module.js';
import { ReceiptsModule } from './issuer/receipts/receipts.module.js';
import { DiscoveryModule } from './issuer/discovery/discovery.module.js';
import { TokenExchangeModule } from './token-exchange/token-exchange.module.js';

/** What commands of operators need: nothing that serves requests. */
@Module({})
export class CommandModule {
  static forRoot(env: RunningEnv, logger: Logger): DynamicModule {
    return {
      module: CommandModule,
      imports: [
        ConfigModule.forRoot(env, logger),
        DatabaseModule.forRoot(env, null),
        RegistriesModule,
        AdminModule,
      ],
    };
  }
}

/** The whole service. Each module imports what it needs of the others by itself. */
@Module({})
export class AppModule {
  static forRoot(
    env: RunningEnv,
    logger: Logger,
    patience: StartPatience,
    primary: Link | null = null,
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(env, logger, primary),
        DatabaseModule.forRoot(env, patience),
        HttpModule,
        // Before whatever imports step-up: its `/step-up/enrol` comes before `/step-up/:id`.
        AuthenticatorsModule,
        ZoneHostsModule,
        StatusListsModule,
        TokenExchangeModule,
        IntrospectionModule,
        RevocationModule,
        ReceiptsModule,
        DiscoveryModule,
        AgentsModule,
        SsfModule,
        FeedModule,
        ...(env.embedded ? [DemoModule] : []),
        AdminModule,
        HealthModule,
      ],
    };
  }
}
