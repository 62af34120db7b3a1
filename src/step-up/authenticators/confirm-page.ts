import { duration, type ClientNames } from '../describe-challenge.js';
import type { HeldRequest } from '../challenge.js';
import { html, type Html } from './html.js';
import { facts, problem, type Page } from './page.js';

/** What the confirmation page says. */
export interface ConfirmPageInput {
  readonly request: HeldRequest;
  readonly names: ClientNames;
  /** The forms of the methods by which it can be confirmed. */
  readonly forms: readonly Html[];
  /** Whether a form needs the script for passkeys. */
  readonly passkeys: boolean;
  /** What went wrong with the last attempt. */
  readonly problem: string | null;
  readonly minutesLeft: number;
}

/** The confirmation page: which application asks for what, for how long, and the forms to confirm or refuse it. */
export function confirmPage(about: ConfirmPageInput): Page {
  const { request, names, forms, passkeys } = about;
  const asking = names.get(request.client_id) ?? 'An application';
  return {
    title: `${about.problem === null ? '' : 'Error: '}Confirm a request`,
    passkeys,
    main: html`<h1>Confirm this request?</h1>
      <p class="lead"><strong>${asking}</strong> wants access in your name.</p>
      ${factsOf(about)} ${problem(about.problem)} ${forms}
      <p class="hint">
        If you do not know what this is about, refuse it, or close this page. It ends by itself in
        ${duration(about.minutesLeft * 60)}.
      </p>`,
  };
}

function factsOf({ request, names }: ConfirmPageInput): Html {
  const { subject, scopes, resources, operation } = request;
  const name = names.get(request.client_id) ?? 'unknown';
  const via = request.act === undefined ? [] : ([['Through', 'other applications']] as const);
  const agent =
    request.agent_session_id === undefined
      ? []
      : ([['Agent session', html`<code>${request.agent_session_id}</code>`]] as const);
  const upstream =
    operation === undefined
      ? []
      : ([['To do', html`<code>${operation.method} ${operation.path}</code>`]] as const);
  return facts([
    ['Who', html`${name} <small>${request.client_id}</small>`],
    [
      'For',
      html`${subject.type === 'application' ? (names.get(subject.sub) ?? subject.sub) : subject.sub}
      ${subject.iss === undefined ? null : html`<small>${subject.iss}</small>`}`,
    ],
    ...via,
    ...agent,
    [
      'What',
      html`<ul>
        ${
          scopes.length === 0
            ? [html`<li>access without a scope</li>`]
            : scopes.map((scope) => html`<li><code>${scope}</code></li>`)
        }
      </ul>`,
    ],
    [
      'Where',
      html`<ul>
        ${resources.map((resource) => html`<li><code>${resource}</code></li>`)}
      </ul>`,
    ],
    ...upstream,
    ['For how long', `at most ${duration(request.max_lifetime_seconds)}`],
  ]);
}
