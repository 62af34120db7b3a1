import { exactLines } from '../../oauth/authorization-details/words.js';
import { intermediariesIn } from '../describe-challenge.js';
import type { HeldRequest } from '../challenge.js';
import { html, type Html } from './html.js';
import { facts } from './page.js';
import { wordsOfScope, type RequestWords } from './request-words.js';
import type { Texts } from './texts/en.js';

type Fact = readonly [name: string, value: string | Html];

/** A held request as a person reads it: in the words of the operators, and by name where they have none. */
export function factsOf(request: HeldRequest, words: RequestWords, { facts: said }: Texts): Html {
  const { subject, scopes, resources, operation, authorization_details_display: exactly } = request;
  const via = intermediariesIn(request).map(({ name, isClient }): Fact => [
    said.through,
    isClient ? clientIn(name, words) : name,
  ]);
  return facts([
    [said.whoAsks, clientIn(request.client_id, words)],
    [said.inWhoseName, subject.type === 'application' ? clientIn(subject.sub, words) : subject.sub],
    ...via,
    [
      said.toDoWhat,
      list(
        scopes.flatMap((scope) => scopeIn(scope, resources, words, said)),
        said.withoutScope,
      ),
    ],
    ...(exactly === undefined
      ? []
      : ([
          [said.exactly, list(exactly.map((sentence) => html`<strong>${sentence}</strong>`))],
        ] as const)),
    [said.where, list(resources.map((identifier) => resourceIn(identifier, words)))],
    ...(operation === undefined
      ? []
      : ([[said.byTheCall, html`<code>${operation.method} ${operation.path}</code>`]] as const)),
    [said.forHowLong, said.atMost(request.max_lifetime_seconds)],
  ]);
}

/**
 * The names that a mandate would have, under the words for them: who knows what these should be can compare, and sees that
 * words are words of the operators.
 */
export function exactNames(
  request: HeldRequest,
  { organisation }: RequestWords,
  { facts: said, exactNames: names }: Texts,
): Html {
  const { subject, scopes, resources } = request;
  const optional = (name: string, id: string | undefined): readonly Fact[] =>
    id === undefined ? [] : [[name, code(id)]];
  const via = intermediariesIn(request).map(({ name }): Fact => [said.through, code(name)]);
  return html`<details class="exact">
    <summary>${names.summary}</summary>
    <p class="hint">${names.hint(organisation)}</p>
    ${facts([
      [names.application, code(request.client_id)],
      [names.subject, code(subject.sub)],
      ...optional(names.issuer, subject.iss),
      ...via,
      [names.scopes, list(scopes.map(code), names.noScopes)],
      [names.resources, list(resources.map(code))],
      ...detailsIn(request, said),
      ...optional(names.agentSession, request.agent_session_id),
      ...optional(names.delegation, request.delegation_edge_id),
    ])}
  </details>`;
}

/** All that the details say, also what their words do not mention. */
function detailsIn(
  { authorization_details: details = [] }: HeldRequest,
  { exactly, exactlyNth }: Texts['facts'],
): Fact[] {
  return details.map((detail, n) => [
    details.length === 1 ? exactly : exactlyNth(n + 1),
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
  { scopeAt }: Texts['facts'],
): readonly Html[] {
  const described = wordsOfScope(words, resources, scope);
  if (described.length === 0) return [html`<code>${scope}</code>`];
  return described.map(({ text, of }) => html`${text} ${small(of === null ? null : scopeAt(of))}`);
}

function small(text: string | null): Html | null {
  return text === null ? null : html`<small>${text}</small>`;
}
