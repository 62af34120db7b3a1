import { timingSafeEqual } from 'node:crypto';
import { Controller, Get, Inject, Post, Req, Res, UseFilters } from '@nestjs/common';
import type { Request, Response } from 'express';
import { importJWK, SignJWT } from 'jose';
import {
  demoFileIn,
  readDemoFile,
  type DemoFile,
  type DemoPerson,
} from '../admin/zones/demo-file.js';
import { meaningOf, OAuthError } from '../oauth/errors.js';
import { TOKEN_PATH } from '../oauth/token-endpoint.js';
import { JWT_TOKEN_TYPE, TOKEN_EXCHANGE } from '../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { ApiExcludeController } from '../platform/http/openapi-decorators.js';
import { inFlightOf } from '../platform/http/overload/in-flight.js';
import { requestIdOf } from '../platform/http/request-id.js';
import { traceOf } from '../platform/http/request-trace.js';
import { sourceOf } from '../platform/http/source-address.js';
import { html } from '../step-up/authenticators/html.js';
import { LINK_FIELD, linkDigest, linkForm, secretIn } from '../step-up/authenticators/link.js';
import { notice, type Page } from '../step-up/authenticators/page.js';
import { sendPage } from '../step-up/authenticators/page-answer.js';
import { PageErrors } from '../step-up/authenticators/page-errors.filter.js';
import { readPageForm } from '../step-up/authenticators/page-form.js';
import { TEXTS } from '../step-up/authenticators/texts/texts.js';
import { Exchange } from '../token-exchange/exchange.service.js';

/** Seconds for which the token of the person is good: it is used at once. */
const TOKEN_SECONDS = 60;

const ASK: Page = {
  title: 'Mandate demo',
  main: html`<h1>Mandate demo</h1>
    <p class="lead">The demo client asks for a transfer, and its person has to confirm it.</p>
    ${linkForm(TEXTS.en.link, 'Ask')}`,
};
const UNKNOWN = notice({
  title: 'Nothing here',
  text: 'This is not the link that the last start has printed, or there is no demo zone any more.',
});

/**
 * The page of the demo: on a POST with the secret of its link, which `npm start` prints, the demo client asks for what the
 * person of the demo has to confirm, and the browser is sent to the page where that is done.
 */
@ApiExcludeController()
@Controller('demo')
@UseFilters(PageErrors)
export class DemoController {
  constructor(
    private readonly exchange: Exchange,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  show(@Res() response: Response): void {
    sendPage(response, 200, ASK, TEXTS.en);
  }

  @Post()
  async ask(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { [LINK_FIELD]: link } = await readPageForm(request, [LINK_FIELD]);
    const demo = await readDemoFile(demoFileIn(this.env.dataDir));
    const secret = secretIn(link);
    const person = demo?.person;
    if (demo === null || person === undefined || secret === null || !opens(person, secret)) {
      return sendPage(response, 404, UNKNOWN, TEXTS.en);
    }
    const uri = await this.confirmUri(request, demo, person);
    // What passes, such as a database that is away, says nothing of the zone.
    if (uri instanceof OAuthError && meaningOf(uri.code) !== 'refused') throw uri;
    if (uri instanceof OAuthError) {
      const text = `The demo zone has been changed: the request was not held (${uri.message}).`;
      return sendPage(response, 409, notice({ title: 'No request to confirm', text }), TEXTS.en);
    }
    const { pathname, hash } = new URL(uri);
    response.set('Cache-Control', 'no-store').redirect(303, `${pathname}${hash}`);
  }

  /** Asks as the demo client, in the name of the person. @returns the link to the page, or why there is none */
  private async confirmUri(
    request: Request,
    demo: DemoFile,
    person: DemoPerson,
  ): Promise<string | OAuthError> {
    const form = new URLSearchParams({
      grant_type: TOKEN_EXCHANGE,
      client_id: demo.application_id,
      client_secret: demo.client_secret,
      subject_token: await this.tokenOf(person),
      subject_token_type: JWT_TOKEN_TYPE,
      resource: person.resource,
      scope: person.scope,
      // It is asked anew each time.
      max_age: '0',
    });
    try {
      await this.exchange.run({
        requestId: requestIdOf(request),
        trace: traceOf(request),
        body: Buffer.from(form.toString()),
        authorization: [],
        hasQuery: false,
        method: 'POST',
        path: TOKEN_PATH,
        zoneInPath: null,
        gateway: null,
        source: sourceOf(request),
        inFlight: inFlightOf(request),
      });
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      const uri = error.members['confirm_uri'];
      return typeof uri === 'string' ? uri : error;
    }
    return new OAuthError('invalid_request', 'it was granted at once');
  }

  private async tokenOf({ subject, issuer, audience, signing_jwk }: DemoPerson): Promise<string> {
    const now = Math.floor(this.clock.now() / 1_000);
    return new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: 'demo', typ: 'JWT' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + TOKEN_SECONDS)
      .sign(await importJWK(signing_jwk, 'ES256'));
  }
}

function opens({ page_secret: known }: DemoPerson, secret: string): boolean {
  return timingSafeEqual(linkDigest(known), linkDigest(secret));
}
