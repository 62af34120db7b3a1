import { ValidationPipe } from '@nestjs/common';

/** Reads JSON bodies strictly: what a body does not declare is refused, and nothing of it is repeated. */
export function strictBodies(): ValidationPipe {
  return new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
  });
}
