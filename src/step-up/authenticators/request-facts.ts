import { exactLines } from '../../oauth/authorization-details/words.js';
import { duration, intermediariesIn } from '../describe-challenge.js';
import type { HeldRequest } from '../challenge.js';
import { html, type Html } from './html.js';
import { facts } from './page.js';
import { wordsOfScope, type RequestWords } from './request-words.js';

type Fact = readonly [name: string, value: string | Html];

/** A held request as a person reads it: in the words of the operators, and by name where they have none. */
export function factsOf(request: HeldRequest, words: RequestWords): Html {
  const { subject, scopes, resources, operation, authorization_details_display: exactly } = request;
  const via = intermediariesIn(request).map(({ name, isClient }): Fact => [
    'Through',
    isClient ? clientIn(name, words) : name,
  ]);
  return facts([
    ['Who asks', clientIn(request.client_id, words)],
    ['In whose name', subject.type === 'application' ? clientIn(subject.sub, words) : subject.sub],
    ...via,
    [
      'To do what',
      list(
        scopes.flatMap((scope) => scopeIn(scope, resources, words)),
        'access without a scope',
      ),
    ],
    ...(exactly === undefined
      ? []
      : ([
          ['Exactly', list(exactly.map((sentence) => html`<strong>${sentence}</strong>`))],
        ] as const)),
    ['Where', list(resources.map((identifier) => resourceIn(identifier, words)))],
    ...(operation === undefined
      ? []
      : ([['By the call', html`<code>${operation.method} ${operation.path}</code>`]] as const)),
    ['For how long', `at most ${duration(request.max_lifetime_seconds)}`],
  ]);
}

/**
 * The names that a mandate would have, under the words for them: who knows what these should be can compare, and sees that
 * words are words of the operators.
 */
export function exactNames(request: HeldRequest, { organisation }: RequestWords): Html {
  const { subject, scopes, resources } = request;
  const optional = (name: string, id: string | undefined): readonly Fact[] =>
    id === undefined ? [] : [[name, code(id)]];
  const via = intermediariesIn(request).map(({ name }): Fact => ['Through', code(name)]);
  return html`<details class="exact">
    <summary>Exact names</summary>
    <p class="hint">
      The descriptions above are those of ${organisation ?? 'the people who run this service'}. The
      application has written none of them. These are the names that count:
    </p>
    ${facts([
      ['Application', code(request.client_id)],
      ['Subject', code(subject.sub)],
      ...optional('Issuer', subject.iss),
      ...via,
      ['Scopes', list(scopes.map(code), 'none')],
      ['Resources', list(resources.map(code))],
      ...detailsIn(request),
      ...optional('Agent session', request.agent_session_id),
      ...optional('Delegation', request.delegation_edge_id),
    ])}
  </details>`;
}

/** All that the details say, also what their words do not mention. */
function detailsIn({ authorization_details: details = [] }: HeldRequest): Fact[] {
  return details.map((detail, n) => [
    details.length === 1 ? 'Exactly' : `Exactly (${n + 1})`,
    list(exactLines(detail).map(([path, value]) => html`${path}: ${code(value)}`)),
  ]);
}

function code(text: string): Html {
  return html`<code>${text}</code>`;
}

function list(items: readonly Html[], none = ''): Html {
  return html`<ul>
    ${(items.length === 0 ? [html`${none}`] : items).map((item) => html`<li>${item}</li>`)}
  </ul>`;
}

function clientIn(id: string, { clients }: RequestWords): Html {
  const words = clients.get(id);
  if (words === undefined) return html`<code>${id}</code>`;
  return html`${words.name} ${small(words.description)}`;
}

function resourceIn(identifier: string, { resources }: RequestWords): Html {
  const words = resources.get(identifier);
  const name = words?.name ?? null;
  return html`${name ?? html`<code>${identifier}</code>`} ${small(words?.description ?? null)}`;
}

function scopeIn(
  scope: string,
  resources: readonly string[],
  words: RequestWords,
): readonly Html[] {
  const said = wordsOfScope(words, resources, scope);
  if (said.length === 0) return [html`<code>${scope}</code>`];
  return said.map(({ text, of }) => html`${text} ${small(of === null ? null : `at ${of}`)}`);
}

function small(text: string | null): Html | null {
  return text === null ? null : html`<small>${text}</small>`;
}
