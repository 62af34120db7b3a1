/** What Prometheus wants of metrics, as `promtool check metrics` looks at it: for runs where there is no promtool. */

/** A metric in the text format, with all its series. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: ReadonlySet<string>;
  /** Whether it has a value. */
  readonly sampled: boolean;
}

/** Reads the metrics of a text, also those that have no value yet, which promtool passes over. */
export function familiesIn(text: string): Family[] {
  const found: {
    name: string;
    type: string;
    help: string;
    labels: Set<string>;
    sampled: boolean;
  }[] = [];
  let help = { name: '', text: '' };
  for (const line of text.split('\n')) {
    const [, helped, words] = /^# HELP (\S+) ?(.*)$/.exec(line) ?? [];
    if (helped !== undefined) help = { name: helped, text: words ?? '' };
    const [, typed, type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (typed !== undefined) {
      const own = help.name === typed ? help.text : '';
      found.push({ name: typed, type, help: own, labels: new Set(), sampled: false });
    }
    const last = found.at(-1);
    if (last === undefined || line.startsWith('#') || !line.startsWith(last.name)) continue;
    last.sampled = true;
    const [, labels = ''] = /^[^{]*\{(.*)\} /.exec(line) ?? [];
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g))
      last.labels.add(label);
  }
  return found;
}

/** Units that have a base unit, or are written short. */
const UNITS = new Map([
  ...['nanoseconds', 'microseconds', 'milliseconds', 'minutes', 'hours', 'days', 'weeks'].map(
    (unit) => [unit, 'seconds'] as const,
  ),
  ...['bits', 'kilobytes', 'megabytes', 'gigabytes', 'kibibytes', 'mebibytes', 'gibibytes'].map(
    (unit) => [unit, 'bytes'] as const,
  ),
  ...['kilometers', 'centimeters', 'millimeters'].map((unit) => [unit, 'meters'] as const),
]);
const SHORT = new Set('s ms us ns sec b kb mb gb tb pb m h d'.split(' '));
const SNAKE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/** What is wrong with a metric, by the rules of promlint; nothing if it is as Prometheus wants it. */
export function problemsOf({ name, type, help, labels }: Family): string[] {
  const words = name.split('_');
  const own = [...labels].filter(
    (label) =>
      !((label === 'le' && type === 'histogram') || (label === 'quantile' && type === 'summary')),
  );
  const problems: [boolean, string][] = [
    [help.trim() === '', 'no help text'],
    [type === 'counter' && !name.endsWith('_total'), 'a counter ends in _total'],
    [type !== 'counter' && name.endsWith('_total'), 'only a counter ends in _total'],
    [type !== 'histogram' && name.endsWith('_bucket'), 'only a histogram has _bucket'],
    [
      /_(count|sum)$/.test(name) && !/^(histogram|summary)$/.test(type),
      '_count and _sum are taken',
    ],
    [own.includes('le') || own.includes('quantile'), 'le and quantile are taken'],
    [words.includes(type), 'the name says the type'],
    [!SNAKE.test(name), 'the name is no snake_case'],
    [!own.every((label) => SNAKE.test(label)), 'a label is no snake_case'],
    [words.some((word) => UNITS.has(word)), 'not the base unit'],
    [words.slice(1).some((word) => SHORT.has(word)), 'a unit is written short'],
  ];
  return problems.flatMap(([wrong, problem]) => (wrong ? [`${name}: ${problem}`] : []));
}

/** A text with a value for each metric that has none, so that promtool looks at all of them. */
export function withSamples(text: string): string {
  const missing = new Map(
    familiesIn(text)
      .filter(({ sampled }) => !sampled)
      .map(({ name, type }) => [name, type]),
  );
  return text.replaceAll(/^# TYPE (\S+) .*$/gm, (line, name: string) => {
    const type = missing.get(name);
    if (type === undefined) return line;
    return type === 'histogram'
      ? `${line}\n${name}_bucket{le="+Inf"} 0\n${name}_sum 0\n${name}_count 0`
      : `${line}\n${name} 0`;
  });
}
