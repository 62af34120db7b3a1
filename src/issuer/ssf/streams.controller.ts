import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Patch,
  Post,
  Put,
  Query,
  Req,
} from '@nestjs/common';
import type { Request } from 'express';
import { TURN_DEADLINE_MS } from '../../platform/database/zone-turn.js';
import { AnswerWithin } from '../../platform/http/deadline.interceptor.js';
import { ApiQuery, ApiResponse } from '../../platform/http/openapi-decorators.js';
import { ReceiverRoutes } from './receiver-routes.js';
import {
  StatusBody,
  StreamBody,
  StreamChangeBody,
  SubjectBody,
  VerificationBody,
} from './stream.body.js';
import { StreamSubjects } from './stream-subjects.service.js';
import { Streams } from './streams.service.js';

/** Receivers manage their streams of shared signals (OpenID SSF 1.0 8.1). */
@Controller('zones/:zone/ssf')
@ReceiverRoutes()
@AnswerWithin(TURN_DEADLINE_MS)
export class StreamsController {
  constructor(
    private readonly streams: Streams,
    private readonly subjects: StreamSubjects,
  ) {}

  /** Makes a stream. A receiver has one. */
  @Post('streams')
  @Header('Cache-Control', 'no-store')
  @ApiResponse({ status: 201, description: 'The configuration of the stream' })
  @ApiResponse({ status: 409, description: 'There is one already' })
  create(@Req() request: Request, @Body() body: StreamBody = {}) {
    return this.streams.create(request, body);
  }

  /** Shows a stream, or lists those that the receiver has. */
  @Get('streams')
  @Header('Cache-Control', 'no-store')
  @ApiQuery({ name: 'stream_id', required: false, type: String })
  read(@Req() request: Request, @Query('stream_id') id: unknown) {
    return this.streams.read(request, id);
  }

  /** Changes what is said of a stream. */
  @Patch('streams')
  @Header('Cache-Control', 'no-store')
  update(@Req() request: Request, @Body() body: StreamChangeBody) {
    return this.streams.change(request, body, 'update');
  }

  /** Replaces all that a receiver says of a stream. */
  @Put('streams')
  @Header('Cache-Control', 'no-store')
  replace(@Req() request: Request, @Body() body: StreamChangeBody) {
    return this.streams.change(request, body, 'replace');
  }

  /** Removes a stream, and what waits on it. */
  @Delete('streams')
  @HttpCode(204)
  @ApiQuery({ name: 'stream_id', type: String })
  remove(@Req() request: Request, @Query('stream_id') id: unknown): Promise<void> {
    return this.streams.remove(request, id);
  }

  /** Shows the status of a stream. */
  @Get('status')
  @Header('Cache-Control', 'no-store')
  @ApiQuery({ name: 'stream_id', type: String })
  status(@Req() request: Request, @Query('stream_id') id: unknown) {
    return this.streams.status(request, id);
  }

  /** Enables, pauses or disables a stream. */
  @Post('status')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  setStatus(@Req() request: Request, @Body() body: StatusBody) {
    return this.streams.setStatus(request, body);
  }

  /** Puts a verification event on a stream. */
  @Post('verify')
  @HttpCode(204)
  verify(@Req() request: Request, @Body() body: VerificationBody): Promise<void> {
    return this.streams.verify(request, body);
  }

  /** Puts a subject back on a stream: all are on it that were not taken off. */
  @Post(String.raw`subjects\:add`)
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  addSubject(@Req() request: Request, @Body() body: SubjectBody): Promise<void> {
    return this.subjects.add(request, body);
  }

  /** Takes a subject off a stream. */
  @Post(String.raw`subjects\:remove`)
  @HttpCode(204)
  @Header('Cache-Control', 'no-store')
  removeSubject(@Req() request: Request, @Body() body: SubjectBody): Promise<void> {
    return this.subjects.remove(request, body);
  }
}
