import type { Terminal } from './terminal.js';

/** Says how far long work is. @param text what is said, made only if it is */
export type Progress = (text: () => string) => void;

/** Milliseconds between two words on how far something is. */
const PROGRESS_MS = 2_000;

/**
 * The {@link Progress} of work that begins now: said to a person at a terminal, the first time after two seconds, and as
 * often as that. Nobody else is told, since a log has no use for it.
 *
 * @param now milliseconds, as `performance.now`
 */
export function progressAt(
  { attended, say }: Pick<Terminal, 'attended' | 'say'>,
  now: () => number = () => performance.now(),
): Progress {
  let told = now();
  return (text) => {
    if (!attended || now() - told < PROGRESS_MS) return;
    told = now();
    say(`${text()}\n`);
  };
}
