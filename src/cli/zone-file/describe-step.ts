import { nounOf } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';
import type { Step } from './plan.js';

/** What a step does, in words. */
export function describeStep(step: Step): string {
  switch (step.do) {
    case 'create':
    case 'change':
    case 'delete':
      return `${step.do} ${step.section === ZONE.section ? ZONE.title : nounOf(step.section).title} ${step.name}`;
    case 'add secret':
      return `add secret of client ${step.name}`;
    case 'change secret':
      return `change expiry of secret of client ${step.name}`;
    case 'set policy schema':
      return step.do;
    case 'write policy':
      return `write policy ${step.name}`;
    case 'activate':
      return `activate policy set ${step.name}`;
    case 'delete policies':
      return `delete ${step.what} ${step.name}`;
    default:
      return step satisfies never;
  }
}
