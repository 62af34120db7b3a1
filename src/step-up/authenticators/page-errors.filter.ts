import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { LOGGER } from '../../platform/config/logger.js';
import { allowedMethods } from '../../platform/http/allowed-methods.js';
import { errorAnswer, logError } from '../../platform/http/error-answer.js';
import { notice, type Message } from './page.js';
import { sendPage } from './page-answer.js';
import { textsOf } from './page-texts.service.js';
import type { Texts } from './texts/en.js';

/** What is thrown at a page becomes words for browsers, which ask for HTML; for others it stays JSON. */
@Catch()
export class PageErrors implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const { headersSent } = response;
    const answer = errorAnswer(thrown, request, () => allowedMethods(request));
    logError(this.logger, thrown, answer, request, response);
    if (headersSent) {
      response.end();
      return;
    }
    response.status(answer.status).set(answer.headers);
    if (request.headers.accept?.includes('text/html') !== true) {
      response.json(answer.body);
      return;
    }
    const texts = textsOf(request);
    sendPage(response, answer.status, notice(messageOf(answer.status, texts.errors)), texts);
  }
}

function messageOf(status: number, { busy, malformed, failed }: Texts['errors']): Message {
  if (status === 503 || status === 429) return busy;
  return status < 500 ? malformed : failed;
}
