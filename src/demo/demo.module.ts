import { Module } from '@nestjs/common';
import { AuthenticatorsModule } from '../step-up/authenticators/authenticators.module.js';
import { TokenExchangeModule } from '../token-exchange/token-exchange.module.js';
import { DemoController } from './demo.controller.js';
import { DemoPhone } from './demo-phone.service.js';

/** What the demo zone of embedded mode has to show in a browser. Only there this module is a part of the service. */
@Module({
  imports: [AuthenticatorsModule, TokenExchangeModule],
  controllers: [DemoController],
  providers: [DemoPhone],
})
export class DemoModule {}
