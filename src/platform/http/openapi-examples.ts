import { CHALLENGE_EXAMPLES } from './openapi-examples/challenge-examples.js';
import type { ExamplesOf } from './openapi-examples/example.js';
import { OPERATOR_EXAMPLES } from './openapi-examples/operator-examples.js';
import { POLICY_EXAMPLES } from './openapi-examples/policy-examples.js';
import { TOKEN_EXAMPLES } from './openapi-examples/token-examples.js';
import { ZONE_EXAMPLES } from './openapi-examples/zone-examples.js';
import type { Operation } from './openapi-schemas.js';

/** The examples of the document, by operation id: of what nearly everybody does first. A test holds them against the schemas. */
const EXAMPLES: ExamplesOf = {
  ...TOKEN_EXAMPLES,
  ...ZONE_EXAMPLES,
  ...POLICY_EXAMPLES,
  ...CHALLENGE_EXAMPLES,
  ...OPERATOR_EXAMPLES,
};

/** Adds the examples of an operation, each where its schema is. */
export function addExamples(operation: Operation): void {
  const { body, answers = {} } = EXAMPLES[operation.operationId ?? ''] ?? {};
  const { requestBody, responses } = operation;
  if (body !== undefined && requestBody !== undefined && 'content' in requestBody) {
    for (const content of Object.values(requestBody.content)) content.examples = { ...body };
  }
  for (const [status, example] of Object.entries(answers)) {
    const response = responses[status];
    if (response === undefined || !('content' in response)) continue;
    const content = response.content?.['application/json'];
    if (content !== undefined) content.examples = { answer: example };
  }
}
