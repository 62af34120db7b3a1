import { instant } from './clock.js';

const COLOURS: Readonly<Record<string, number>> = {
  fatal: 31,
  error: 31,
  warn: 33,
  info: 32,
  debug: 36,
  trace: 90,
};
const FAINT = 90;

/** What could move the cursor or change the colours of a terminal, and does not belong into one line. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/g;

/**
 * Lines of the log as people read them: the time here, the level, the message, and the rest as `name=value`. A request
 * is told by its method, route, status and time. What is no line of the log stays as it is.
 *
 * @param lines as pino writes them, each with a newline at its end
 * @param colours whether to use those of a terminal
 */
export function asText(lines: string, colours: boolean): string {
  const paint = (code: number, text: string): string =>
    colours && text !== '' ? `\u001B[${code}m${text}\u001B[0m` : text;
  return lines
    .split('\n')
    .map((line) => {
      const fields = fieldsOf(line);
      return fields === null ? line : lineOf(fields, paint);
    })
    .join('\n');
}

function lineOf(
  { level, time, msg, err, ...fields }: Readonly<Record<string, unknown>>,
  paint: (code: number, text: string) => string,
): string {
  const name = String(level);
  const head = [
    paint(FAINT, timeHere(String(time))),
    paint(COLOURS[name] ?? FAINT, name.toUpperCase().padEnd(5)),
  ];
  if (msg === 'request' && 'method' in fields) {
    const { method, route, status, ms, ...rest } = fields;
    const told = [method, route, status].map(plain).join(' ');
    return [...head, told, paint(FAINT, `${plain(ms)} ms`), others(rest, paint)]
      .filter((part) => part !== '')
      .join(' ');
  }
  const line = [...head, plain(msg ?? ''), others(fields, paint)].filter((part) => part !== '');
  return `${line.join(' ')}${stackOf(err, paint)}`;
}

function others(
  fields: Readonly<Record<string, unknown>>,
  paint: (code: number, text: string) => string,
): string {
  const told = Object.entries(fields).map(([name, value]) => `${plain(name)}=${plain(value)}`);
  return paint(FAINT, told.join(' '));
}

function stackOf(error: unknown, paint: (code: number, text: string) => string): string {
  if (typeof error !== 'object' || error === null) return '';
  const [stack, message, cause]: unknown[] = ['stack', 'message', 'cause'].map((name) =>
    Reflect.get(error, name),
  );
  const said = [stack, message].find((one) => typeof one === 'string') ?? '';
  const lines = said.split('\n');
  const text = lines.map((line) => `\n    ${paint(FAINT, plain(line))}`).join('');
  return `${text}${stackOf(cause, paint)}`;
}

function timeHere(time: string): string {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? plain(time) : instant(ms).toTimeString().slice(0, 8);
}

/** A value in one line that a terminal does not obey. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replaceAll(
    CONTROLS,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function fieldsOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}
