import { duration, intermediariesIn, type ClientNames } from '../describe-challenge.js';
import type { HeldRequest } from '../challenge.js';
import { PROOF_FIELD } from './confirm-form.js';
import { html, type Html } from './html.js';
import { linkForm } from './link.js';
import { DECIDE, facts, problem, type Page } from './page.js';

/** What the confirmation page says before it shows the request: nothing about that. */
export interface UnshownPageInput {
  /** The forms of the methods by which it can be confirmed. */
  readonly forms: readonly Html[];
  /** Whether a form needs the script for passkeys. */
  readonly passkeys: boolean;
  /** What went wrong with the last attempt. */
  readonly problem: string | null;
  readonly minutesLeft: number;
}

/** What the confirmation page says. */
export interface ConfirmPageInput extends UnshownPageInput {
  readonly request: HeldRequest;
  readonly names: ClientNames;
}

/** The confirmation page before the request is shown: the forms of the link, and of those who do without it. */
export function unshownPage({
  forms,
  passkeys,
  problem: wrong,
  minutesLeft,
}: UnshownPageInput): Page {
  return {
    title: `${wrong === null ? '' : 'Error: '}Confirm a request`,
    passkeys,
    main: html`<h1>Confirm a request</h1>
      <p class="lead">An application wants access in your name. See first what it asks for.</p>
      ${problem(wrong)} ${linkForm('Show the request')}
      <h2>Without the link</h2>
      <p>Show who you are. You decide after you have seen the request.</p>
      ${forms} ${ending(minutesLeft)}`,
  };
}

/** The form of a person who was shown the request on a code or passkey. */
export function proofForm(proof: string): Html {
  return html`<form method="post" autocomplete="off">
    <input type="hidden" name="${PROOF_FIELD}" value="${proof}" />
    ${DECIDE}
  </form>`;
}

function ending(minutesLeft: number): Html {
  return html`<p class="hint">
    If you do not know what this is about, refuse it, or close this page. It ends by itself in
    ${duration(minutesLeft * 60)}.
  </p>`;
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
      ${factsOf(about)} ${problem(about.problem)} ${forms} ${ending(about.minutesLeft)}`,
  };
}

function factsOf({ request, names }: ConfirmPageInput): Html {
  const { subject, scopes, resources, operation } = request;
  const name = names.get(request.client_id) ?? 'unknown';
  const via = intermediariesIn(request).map(
    ({ name: id, isClient }) =>
      [
        'Through',
        isClient ? html`${names.get(id) ?? 'unknown'} <small>${id}</small>` : id,
      ] as const,
  );
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
