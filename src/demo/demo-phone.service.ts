import { Inject, Injectable } from '@nestjs/common';
import { demoFileIn, readDemoFile } from '../admin/zones/demo-file.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { Authenticators } from '../step-up/authenticators/authenticators.service.js';
import { ShownCodes, type ShownCode } from '../step-up/authenticators/shown-codes.service.js';
import { unusedCode } from '../step-up/authenticators/totp/totp-codes.js';
import type { Challenge } from '../step-up/challenge.entity.js';

/** The phone of the person of the demo: the page shows what its app would show. */
@Injectable()
export class DemoPhone {
  constructor(
    codes: ShownCodes,
    private readonly authenticators: Authenticators,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {
    codes.showFrom((challenge) => this.codeFor(challenge));
  }

  /** The code of the app that the demo has made, for what the demo client asks of the person of the demo. */
  private async codeFor(challenge: Challenge): Promise<ShownCode | null> {
    const demo = await readDemoFile(demoFileIn(this.env.dataDir));
    if (demo === null || demo.person === undefined) return null;
    const { subject, issuer, authenticator_id: id } = demo.person;
    const isOfDemo =
      challenge.zoneId === demo.zone_id &&
      challenge.clientId === demo.application_id &&
      challenge.subject === subject &&
      challenge.subjectIssuer === issuer;
    if (!isOfDemo) return null;
    const apps = await this.authenticators.authenticatorsOf(challenge, 'totp');
    const app = apps.find((one) => one.id === id);
    if (app === undefined || app.sealedSecret === null) return null;
    const { zoneId, sealedSecret, lastStep } = app;
    const key = await this.authenticators.openSecret({ zoneId, id, kind: 'totp' }, sealedSecret);
    try {
      const last = lastStep === null ? null : Number(lastStep);
      return { code: unusedCode(key, last, this.authenticators.now()) };
    } finally {
      key.fill(0);
    }
  }
}
