import { Controller, Get, Header, Inject, NotFoundException, Param } from '@nestjs/common';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { isUuid } from '../../oauth/vocabulary.js';
import {
  ApiOkResponse,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import { transmitterConfiguration } from './transmitter-configuration.js';

/** The configuration of a zone as a transmitter of shared signals (OpenID SSF 1.0 7.2). */
@ApiTags('shared signals')
@Controller('.well-known/ssf-configuration')
export class SsfConfigurationController {
  constructor(
    private readonly snapshots: Snapshots,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  /** The configuration of a zone as a transmitter. */
  @Get('zones/:zone')
  @Header('Cache-Control', 'public, max-age=300, stale-if-error=3600')
  @Header('Access-Control-Allow-Origin', '*')
  @ApiParam({ name: 'zone', format: 'uuid' })
  @ApiOkResponse({ description: 'The configuration; cacheable for five minutes' })
  @ApiResponse({ status: 404, description: 'Unknown, malformed and missing zone alike' })
  async configuration(@Param('zone') zoneId: string) {
    const zone = isUuid(zoneId) ? await this.snapshots.find(zoneId) : null;
    // Who derived the place from an issuer that zones share would find another issuer in it (OpenID SSF 1.0 7.2.3).
    if (zone === null || zone.issuer === this.env.issuerUrl) {
      throw new NotFoundException('no such zone');
    }
    return transmitterConfiguration(zone.issuer, zone.systemResources.ssf);
  }
}
