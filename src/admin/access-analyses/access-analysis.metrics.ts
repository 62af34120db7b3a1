import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const ANALYSES = 'mandate_access_analyses_total';
export const ANALYSIS_SECONDS = 'mandate_access_analysis_seconds_total';

/** The metrics of access analyses. */
export const accessAnalysisMetrics = [
  makeCounterProvider({
    name: ANALYSES,
    help: 'Access analyses that this replica has ended, by result: done, or failed.',
    labelNames: ['result'],
  }),
  makeCounterProvider({
    name: ANALYSIS_SECONDS,
    help: 'Seconds for which this replica was at access analyses.',
  }),
];
