import { Controller, Get, Header, Res, UseGuards } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import type { Response } from 'express';
import { register } from 'prom-client';
import { MetricsGuard } from './metrics.guard.js';

const metricSchema = {
  type: 'object',
  required: ['name', 'help', 'type', 'values'],
  properties: {
    name: { type: 'string' },
    help: { type: 'string' },
    type: { type: 'string', enum: ['counter', 'gauge', 'histogram', 'summary'] },
    values: { type: 'array', items: { type: 'object' } },
  },
};

/** The metrics, as Prometheus text and as JSON. */
@ApiTags('probes')
@ApiBearerAuth('metrics')
@ApiResponse({ status: 401, description: 'There is a metrics token, and this is not it' })
@UseGuards(MetricsGuard)
@Controller()
export class MetricsController extends PrometheusController {
  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The figures in the Prometheus text format' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  override index(@Res({ passthrough: true }) response: Response): Promise<string> {
    return super.index(response);
  }

  @Get('metrics.json')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The same figures as JSON' })
  @ApiOkResponse({ schema: { type: 'array', items: metricSchema } })
  asJson(): ReturnType<typeof register.getMetricsAsJSON> {
    return register.getMetricsAsJSON();
  }
}
