import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { LOGGER } from '../config/logger.js';
import { allowedMethods } from './allowed-methods.js';
import { errorAnswer, logError } from './error-answer.js';
import { asProblem, PROBLEM_JSON, wantsProblem } from './problem-details.js';

/** Turns everything that is thrown into an error response, and logs its private reason. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const answer = errorAnswer(thrown, request, () => allowedMethods(request));
    logError(this.logger, thrown, answer, request, response);
    if (response.headersSent) {
      response.end();
      return;
    }
    response.status(answer.status).set(answer.headers);
    if (!wantsProblem(request)) {
      response.json(answer.body);
      return;
    }
    response.setHeader('Content-Type', PROBLEM_JSON);
    response.send(Buffer.from(JSON.stringify(asProblem(request, answer.status, answer.body))));
  }
}
