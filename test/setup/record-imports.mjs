// For `node --import`: writes the name of each package that the process imports as a line of the file IMPORTED.
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// What follows runs on the thread of the loader.
if (isMainThread) register(import.meta.url);

export function resolve(specifier, context, next) {
  if (/^[@a-z]/.test(specifier) && !/^[a-z]+:/.test(specifier)) {
    appendFileSync(process.env.IMPORTED, `${specifier}\n`);
  }
  return next(specifier, context);
}
