import { Controller, Get, Header, Inject, Res, UseGuards } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../platform/http/openapi-decorators.js';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import type { Response } from 'express';
import { register, type Registry } from 'prom-client';
import { PRIMARY, type Link } from '../platform/workers/link.js';
import { MetricsGuard } from './metrics.guard.js';
import { nextFlight } from './single-flight.js';
import { ALL_FIGURES, OWN_FIGURES, together } from './worker-figures.js';

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
  /** The figures of this process, or of all workers if it is one of them: those who ask at once cost them one answer. */
  private readonly registry: () => Promise<Registry>;

  constructor(@Inject(PRIMARY) primary: Link | null) {
    super();
    this.registry =
      primary === null
        ? () => Promise.resolve(register)
        : nextFlight(async () => together(await primary.ask(ALL_FIGURES, null)));
    primary?.answer(OWN_FIGURES, () => register.getMetricsAsJSON());
  }

  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The figures in the Prometheus text format' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  override async index(@Res({ passthrough: true }) response: Response): Promise<string> {
    response.header('Content-Type', register.contentType);
    return (await this.registry()).metrics();
  }

  @Get('metrics.json')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The same figures as JSON' })
  @ApiOkResponse({ schema: { type: 'array', items: metricSchema } })
  async asJson(): ReturnType<typeof register.getMetricsAsJSON> {
    return (await this.registry()).getMetricsAsJSON();
  }
}
