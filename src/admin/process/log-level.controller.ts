import { Body, Get, Inject, Put } from '@nestjs/common';
import { instant } from '../../platform/config/clock.js';
import {
  LOG_LEVELS_TOKEN,
  type LevelState,
  type LogLevels,
} from '../../platform/config/log-level.js';
import { CurrentRequestId, type RequestId } from '../../platform/http/request-id.js';
import { AdminController } from '../admin-controller.js';
import { LogLevelBody } from './log-level.body.js';

/** The level of the log of the replica that is asked, all workers of it. */
@AdminController('log-level', { noun: 'process' })
export class LogLevelController {
  constructor(@Inject(LOG_LEVELS_TOKEN) private readonly levels: LogLevels) {}

  /** Shows what is logged, by the replica that answers. */
  @Get()
  async show() {
    return describe(await this.levels.show());
  }

  /** Changes what is logged, by the replica that answers: for a while, or until it is changed again or the process ends. */
  @Put()
  async change(@Body() body: LogLevelBody, @CurrentRequestId() requestId: RequestId) {
    const wanted = {
      level: body.level,
      forSeconds: body.for_seconds ?? null,
      by: { requestId: requestId.request_id },
    };
    return describe(await this.levels.change(wanted));
  }
}

function describe({ level, configured, until }: LevelState) {
  return {
    level,
    configured_level: configured,
    ...(until === null ? {} : { until: instant(until).toISOString() }),
  };
}
