import { Get, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { PublishedLogs } from '../../evidence/published-logs.service.js';
import { Zone } from '../../zones/zone.entity.js';
import { ApiParam } from '../../platform/http/openapi-decorators.js';
import { AdminController } from '../admin-controller.js';
import { InZone } from '../in-zone.js';
import { AnswersText, AnswersTile, askedTile, sendCheckpoint, sendTile } from './send-log-file.js';

/** Serves the log of a zone as C2SP tlog-tiles has it. */
@AdminController('zones/:zone/audit/log', { noun: 'audit' })
export class ZoneTransparencyLogController {
  constructor(private readonly logs: PublishedLogs) {}

  /** Shows the newest checkpoint of a zone, as the extra data of the proof that it is in a signed checkpoint. */
  @Get('checkpoint')
  @AnswersText('A tlog-proof whose extra data is the text of the checkpoint of the zone')
  async checkpoint(
    @InZone('being removed') { id }: Zone,
    @Res() response: Response,
  ): Promise<void> {
    sendCheckpoint(response, await this.logs.zoneCheckpoint(id));
  }

  /** Shows a tile of the log of a zone: its index is written as `x001/234`, and `.p/{width}` follows if it is not full. */
  @Get('tile/:level/*index')
  @ApiParam({ name: 'index', type: String })
  @AnswersTile()
  async tile(
    @InZone('being removed') { id }: Zone,
    @Param('level') level: string,
    @Param('index') index: string[],
    @Res() response: Response,
  ): Promise<void> {
    sendTile(response, await this.logs.tile(askedTile(level, index), id));
  }
}
