import type { ExamplesOf } from './example.js';
import { MADE } from './example-values.js';

/** Who administers. */
export const OPERATOR_EXAMPLES: ExamplesOf = {
  operators_create: {
    body: {
      operator: {
        summary: 'An operator of all zones',
        value: { name: 'deploy', role: 'operator' },
      },
    },
    answers: {
      201: {
        summary: 'The operator, who has no key yet',
        value: {
          id: '01a20492-89ed-7762-a48e-7647ba8cf971',
          name: 'deploy',
          description: null,
          role: 'operator',
          zones: null,
          disabled: false,
          ...MADE,
        },
      },
    },
  },
};
