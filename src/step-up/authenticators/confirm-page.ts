import { duration, type ClientNames } from '../describe-challenge.js';
import type { HeldRequest } from '../challenge.js';
import { html, type Html } from './html.js';
import { codeField, facts, problem, type Page } from './page.js';

/** What the page is about. */
export interface Confirmable {
  readonly request: HeldRequest;
  readonly names: ClientNames;
  readonly code: boolean;
  readonly passkey: { readonly nonce: string; readonly rpId: string } | null;
  /** What went wrong with the last try. */
  readonly problem: string | null;
  readonly minutesLeft: number;
}

/** Who wants what, and for how long; and how to confirm or refuse it. */
export function confirmPage(about: Confirmable): Page {
  const { request, names, code, passkey } = about;
  const asking = names.get(request.client_id) ?? 'An application';
  return {
    title: `${about.problem === null ? '' : 'Error: '}Confirm a request`,
    passkeys: passkey !== null,
    main: html`<h1>Confirm this request?</h1>
      <p class="lead"><strong>${asking}</strong> wants access in your name.</p>
      ${factsOf(about)} ${problem(about.problem)} ${code ? codeForm(about.problem !== null) : null}
      ${passkey === null ? null : passkeyForm(passkey, code)}
      <p class="hint">
        If you do not know what this is about, refuse it, or close this page. It ends by itself in
        ${duration(about.minutesLeft * 60)}.
      </p>`,
  };
}

function factsOf({ request, names }: Confirmable): Html {
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

function codeForm(invalid: boolean): Html {
  return html`<form method="post" autocomplete="off">
    ${codeField(invalid)}
    <div class="buttons">
      <button name="decision" value="approved" class="primary">Confirm</button>
      <button name="decision" value="rejected">Refuse</button>
    </div>
  </form>`;
}

/** Shown by the script, since it does nothing without. */
function passkeyForm(
  { nonce, rpId }: { readonly nonce: string; readonly rpId: string },
  alternative: boolean,
): Html {
  return html`<form
      method="post"
      class="passkey"
      hidden
      data-passkey="get"
      data-nonce="${nonce}"
      data-rp="${rpId}"
    >
      ${alternative ? html`<p class="or">or</p>` : null}
      <input type="hidden" name="assertion" />
      <div class="buttons">
        <button name="decision" value="approved" class="${alternative ? '' : 'primary'}">
          Confirm with a passkey
        </button>
        <button name="decision" value="rejected">Refuse with a passkey</button>
      </div>
      <p class="problem" role="alert" hidden></p>
    </form>
    ${
      alternative
        ? null
        : html`<noscript
            ><p class="problem">Passkeys need JavaScript, which is switched off.</p></noscript
          >`
    }`;
}
