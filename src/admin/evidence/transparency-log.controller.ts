import { Get, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { PublishedLogs } from '../../evidence/published-logs.service.js';
import { ApiParam } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { ForSomeZones } from '../permission.js';
import { AnswersText, AnswersTile, askedTile, sendCheckpoint, sendTile } from './send-log-file.js';

/** Serves the log of the installation as C2SP tlog-tiles has it. Its hashes say nothing of what happened in a zone. */
@AdminController('audit/log', { noun: 'audit' })
export class TransparencyLogController {
  constructor(private readonly logs: PublishedLogs) {}

  /** Shows the newest signed checkpoint of the installation. */
  @Get('checkpoint')
  @AnswersText('A signed note (C2SP tlog-checkpoint)')
  @ForSomeZones()
  async checkpoint(@Res() response: Response): Promise<void> {
    sendCheckpoint(response, await this.logs.checkpoint());
  }

  /** Shows a tile of the log of the installation: its index is written as `x001/234`, and `.p/{width}` follows if it is not full. */
  @Get('tile/:level/*index')
  @ApiParam({ name: 'index', type: String })
  @AnswersTile()
  @ForSomeZones()
  async tile(
    @Param('level') level: string,
    @Param('index') index: string[],
    @Res() response: Response,
  ): Promise<void> {
    sendTile(response, await this.logs.tile(askedTile(level, index)));
  }
}
