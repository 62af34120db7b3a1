import { Controller, Get, NotFoundException, Param, Res } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { DataSource } from 'typeorm';
import { findInAnyZone } from '../../platform/database/at-zones.js';
import { Answers, ApiOperation, ApiTags } from '../../platform/http/openapi-decorators.js';

const FILE = /^([A-Za-z0-9_-]{43})\.png$/;

/** Nothing that is shown as a page of its own does anything. */
const HEADERS = {
  'Cache-Control': 'public, max-age=31536000, immutable',
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'Content-Type': 'image/png',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};

/** Serves the logos of zones to their pages. */
@ApiTags('step-up')
@Controller('step-up/logos')
export class LogosController {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @Get(':name')
  @Answers<string>('image/png')
  @ApiOperation({ summary: 'The logo of a zone, by what is in it (PNG)' })
  async show(@Param('name') name: string, @Res() response: Response): Promise<void> {
    const digest = FILE.exec(name)?.[1];
    const logo = digest === undefined ? undefined : await this.find(digest);
    if (logo === undefined) throw new NotFoundException('no such logo');
    response.set(HEADERS).send(logo);
  }

  private async find(digest: string): Promise<Buffer | undefined> {
    const found = await findInAnyZone(this.dataSource, async () => {
      const rows = await this.dataSource.query<{ zoneId: string; content: Buffer }[]>(LOGO, [
        digest,
      ]);
      return rows[0] ?? null;
    });
    return found?.content;
  }
}

const LOGO = 'SELECT zone_id AS "zoneId", content FROM zone_logos WHERE digest = $1 LIMIT 1';
