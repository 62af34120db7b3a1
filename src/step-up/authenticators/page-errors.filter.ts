import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { LOGGER } from '../../platform/config/logger.js';
import { allowedMethods } from '../../platform/http/allowed-methods.js';
import { errorAnswer, logError } from '../../platform/http/error-answer.js';
import { notice, type Page } from './page.js';
import { sendPage } from './page-answer.js';

const BUSY = notice(
  'Not now',
  'This could not be done now. Go back, and try again in a moment: you are told if something was decided.',
);
const MALFORMED = notice(
  'That did not work',
  'What was sent is not what this page sends, and nothing was decided. Open your link again.',
);
const FAILED = notice(
  'That did not work',
  'Something is wrong here. Go back, and try again later.',
);

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
    sendPage(response, answer.status, pageOf(answer.status));
  }
}

function pageOf(status: number): Page {
  if (status === 503 || status === 429) return BUSY;
  return status < 500 ? MALFORMED : FAILED;
}
