import { Controller, Get, Header } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  Described,
} from '../platform/http/openapi-decorators.js';
import { HealthCheck, type HealthCheckResult } from '@nestjs/terminus';
import { Readiness } from './readiness.service.js';

/** The liveness and readiness probes. */
@ApiTags('probes')
@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('health')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Liveness: the process turns. Depends on nothing else' })
  @ApiOkResponse({
    schema: { type: 'object', required: ['status'], properties: { status: { enum: ['ok'] } } },
  })
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  @Described(() => HealthCheck({ noCache: false, swaggerDocumentation: true }))
  @ApiOperation({ summary: 'Readiness: minting is safe now' })
  ready(): Promise<HealthCheckResult> {
    return this.readiness.check();
  }
}
