import { Controller, Get, Header, Inject, Res, UseGuards } from '@nestjs/common';
import {
  Answers,
  ApiBearerAuth,
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

/** A metric with its figures. */
interface MetricView {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly FigureView[];
  /** How figures of several workers are put together. */
  readonly aggregator?: string;
}

/** One figure. */
interface FigureView {
  /**
   * `null` for what is no number in JSON.
   *
   * @number
   */
  readonly value: number | null;
  /** @number */
  readonly labels: Readonly<Record<string, string | number>>;
  /** A trace that is an example of it. */
  readonly exemplar?: ExemplarView | null;
  /** Of a histogram: which of its series it is. */
  readonly metricName?: string;
}

/** One of the observations that a figure counts. */
interface ExemplarView {
  readonly labelSet: Readonly<Record<string, string>>;
  /** @number */
  readonly value: number;
  /**
   * Seconds since the epoch.
   *
   * @number
   */
  readonly timestamp?: number;
}

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
  @Answers<string>('text/plain')
  override async index(@Res({ passthrough: true }) response: Response): Promise<string> {
    response.header('Content-Type', register.contentType);
    return (await this.registry()).metrics();
  }

  @Get('metrics.json')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The same figures as JSON' })
  @Answers<readonly MetricView[]>()
  async asJson(): ReturnType<typeof register.getMetricsAsJSON> {
    return (await this.registry()).getMetricsAsJSON();
  }
}
