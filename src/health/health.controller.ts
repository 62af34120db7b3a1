import { Controller, Get, Header } from '@nestjs/common';
import {
  Answers,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import { HealthCheck, type HealthCheckResult } from '@nestjs/terminus';
import { Readiness } from './readiness.service.js';

/** Whether minting is safe now, by each of the checks. */
interface ReadinessView {
  readonly status: 'ok' | 'error' | 'shutting_down';
  /** What is up. */
  readonly info?: Readonly<Record<string, CheckView>>;
  /** What is down. */
  readonly error?: Readonly<Record<string, CheckView>>;
  /** Both. */
  readonly details: Readonly<Record<string, CheckView>>;
}

/** What a check has found. */
interface CheckView {
  readonly status: 'up' | 'down';
  /** What is wrong. */
  readonly message?: string;
  /** How many zones cannot be used, where it is about zones. */
  readonly broken_zones?: number;
}

/** The liveness and readiness probes. */
@ApiTags('probes')
@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('health')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Liveness: the process turns. Depends on nothing else' })
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  @Answers<ReadinessView>()
  @ApiResponse({
    status: 503,
    description: 'Not ready',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/ReadinessView' } } },
  })
  @ApiOperation({ summary: 'Readiness: minting is safe now' })
  ready(): Promise<HealthCheckResult> {
    return this.readiness.check();
  }
}
