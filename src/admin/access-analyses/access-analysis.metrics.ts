import { makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';

export const ANALYSES = 'mandate_access_analyses_total';
export const ANALYSIS_SECONDS = 'mandate_access_analysis_turn_seconds';

/** The metrics of access analyses. */
export const accessAnalysisMetrics = [
  makeCounterProvider({
    name: ANALYSES,
    help: 'Access analyses that this replica has ended, by result: done, or failed.',
    labelNames: ['result'],
  }),
  makeHistogramProvider({
    name: ANALYSIS_SECONDS,
    help: 'Seconds of one turn that this replica was at access analyses: usually two, more where decisions are slow.',
    buckets: [0.1, 0.5, 1, 2, 5, 15, 60, 300],
  }),
];
