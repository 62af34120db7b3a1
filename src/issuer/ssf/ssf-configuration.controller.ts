import { Controller, Get, Inject, NotFoundException, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { isUuid } from '../../oauth/vocabulary.js';
import {
  Answers,
  ApiOkResponse,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import {
  documentOf,
  READABLE_ANYWHERE,
  sendDocument,
} from '../../platform/http/public-document.js';
import { isAtFormerHost, isAtZoneHost } from '../../platform/http/zone-hosts.js';
import type { ZoneSnapshot } from '../../zones/snapshot/zone-snapshot.js';
import { issuersAt, zonePath } from '../../zones/zone-issuer.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import {
  transmitterConfiguration,
  type TransmitterConfiguration,
} from './transmitter-configuration.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const CACHEABLE = 'public, max-age=300, stale-if-error=3600';

/** The configuration of a zone as a transmitter of shared signals (OpenID SSF 1.0 7.2). */
@ApiTags('shared signals')
@Controller('.well-known/ssf-configuration')
export class SsfConfigurationController {
  constructor(
    private readonly snapshots: Snapshots,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The configuration of a zone as a transmitter. */
  @Get('zones/:zone')
  @ApiParam({ name: 'zone', format: 'uuid' })
  @ApiOkResponse({ description: 'The configuration; cacheable for five minutes' })
  @ApiResponse({ status: 304, description: 'The one that If-None-Match names is still the one' })
  @ApiResponse({ status: 404, description: 'Unknown, malformed and missing zone alike' })
  @Answers<TransmitterConfiguration>()
  async configuration(
    @Param('zone') zoneId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const zone = isUuid(zoneId) ? await this.snapshots.find(zoneId) : null;
    const issuer = zone === null ? null : this.issuerAt(request, zone);
    // Pages of other origins may read why not, too.
    response.set(READABLE_ANYWHERE);
    // Who derived the place from an issuer that zones share would find another issuer in it (OpenID SSF 1.0 7.2.3).
    if (zone === null || issuer === null) throw new NotFoundException('no such zone');
    const document = documentOf(transmitterConfiguration(issuer, zone.systemResources.ssf));
    sendDocument({ ...document, cacheControl: CACHEABLE }, JSON_TYPE, request, response);
  }

  /**
   * The issuer that the place follows from: the one of the host that was asked, or that of the zone below `ISSUER_URL`.
   *
   * @returns `null` unless it is the zone's, or was until lately
   */
  private issuerAt(request: Request, zone: ZoneSnapshot): string | null {
    const { issuer, formerIssuer } = issuersAt(zone, this.clock.now());
    if (isAtFormerHost(request)) return formerIssuer;
    if (isAtZoneHost(request)) return issuer;
    const here = `${this.env.issuerUrl}${zonePath(zone.zoneId)}`;
    return [issuer, formerIssuer].find((one) => one === here) ?? null;
  }
}
