import type { OverloadResult } from '../measure/overload.js';
import type { RoundTrips } from '../measure/round-trips.js';
import type { Row } from '../measure/summary.js';
import { figure, type Table } from './table.js';

/** Everything that was measured. */
export interface Figures {
  readonly rows: readonly Row[];
  readonly overload: OverloadResult | null;
  readonly roundTrips: readonly RoundTrips[];
}

interface Target {
  readonly what: string;
  readonly bound: 'at least' | 'at most';
  readonly value: number;
  readonly digits: number;
  readonly measured: (figures: Figures) => number | null | undefined;
}

/** The concurrency at which ratios are promised. */
const AT = 32;

const rowOf = ({ rows }: Figures, kind: string): Row | undefined =>
  rows.find((row) => row.candidate === 'mandate' && row.kind === kind && row.callers === AT);

const ratio = (kind: string, value: number): Target => ({
  what: `${kind}, of the floor's exchange`,
  bound: 'at least',
  value,
  digits: 2,
  measured: (figures) => rowOf(figures, kind)?.ofFloor?.median,
});

/** A document that is served from memory: of the rate at which key sets are. */
const likeKeySets = (kind: string): Target => ({
  what: `${kind}, of key sets`,
  bound: 'at least',
  value: 0.9,
  digits: 2,
  measured: (figures) => {
    const [rate, keySets] = [kind, 'key set'].map((each) => rowOf(figures, each)?.rate.median);
    return rate === undefined || keySets === undefined ? null : rate / keySets;
  },
});

/** What is aimed at with Node.js 20, at 32 at once. None of it fails anything: a measurement is not a test. */
const TARGETS: readonly Target[] = [
  ratio('exchange', 0.6),
  ratio('exchange, new subject', 0.5),
  ratio('gateway', 0.5),
  ratio('session', 0.5),
  ratio('private_key_jwt', 0.4),
  ratio('delegated, 1 hop', 0.45),
  ratio('delegated, 3 hops', 0.4),
  ratio('denied', 0.6),
  ratio('introspect', 0.6),
  likeKeySets('discovery'),
  likeKeySets('status list'),
  {
    what: "revoke, p99 of an exchange's",
    bound: 'at most',
    value: 1,
    digits: 2,
    measured: (figures) => {
      const [revoke, exchange] = ['revoke', 'exchange'].map((kind) => rowOf(figures, kind)?.p99);
      return revoke === undefined || exchange === undefined ? null : revoke / exchange;
    },
  },
  {
    what: "exchange, p99 of the floor's",
    bound: 'at most',
    value: 2,
    digits: 2,
    measured: (figures) => rowOf(figures, 'exchange')?.p99OfFloor,
  },
  {
    what: 'exchange, server CPU ms',
    bound: 'at most',
    value: 0.4,
    digits: 3,
    measured: (figures) => rowOf(figures, 'exchange')?.serverMs,
  },
  {
    what: 'exchange, PostgreSQL CPU ms',
    bound: 'at most',
    value: 0.1,
    digits: 3,
    measured: (figures) => rowOf(figures, 'exchange')?.postgresMs,
  },
  {
    what: 'exchange, WAL kB',
    bound: 'at most',
    value: 2.3,
    digits: 2,
    measured: (figures) => {
      const bytes = rowOf(figures, 'exchange')?.walBytes;
      return bytes === null || bytes === undefined ? null : bytes / 1_000;
    },
  },
  {
    what: 'most round trips of a kind',
    bound: 'at most',
    value: 1,
    digits: 0,
    measured: ({ roundTrips }) =>
      roundTrips.length === 0 ? null : Math.max(...roundTrips.map(({ median }) => median)),
  },
  {
    what: 'overload: goodput, of the most',
    bound: 'at least',
    value: 0.9,
    digits: 2,
    measured: ({ overload }) => overload?.goodput,
  },
  {
    what: 'overload: refused within, p99 ms',
    bound: 'at most',
    value: 50,
    digits: 0,
    measured: ({ overload }) => overload?.refusedP99,
  },
  {
    what: 'overload: /health, p99 ms',
    bound: 'at most',
    value: 100,
    digits: 0,
    measured: ({ overload }) => overload?.healthP99,
  },
];

/** The targets that something was measured for, and whether they are met. */
export function targetsTable(figures: Figures): Table {
  return {
    heading: ['target at 32 at once', 'aim', 'measured', 'met'],
    lines: TARGETS.flatMap(({ what, bound, value, digits, measured }) => {
      const found = measured(figures);
      if (found === null || found === undefined || Number.isNaN(found)) return [];
      const met = bound === 'at least' ? found >= value : found <= value;
      return [[what, `${bound} ${value}`, figure(found, digits), met ? 'yes' : 'no']];
    }),
  };
}
