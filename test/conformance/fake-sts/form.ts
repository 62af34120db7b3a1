import type { Fault } from './faults.js';
import { Refusal } from './refusal.js';

/** The parameters of a token request, each with its values. */
export type Form = ReadonlyMap<string, readonly string[]>;

const KNOWN: ReadonlySet<string> = new Set([
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'assertion',
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'resource',
  'audience',
  'scope',
]);

/** Reads the parameters of a token request. */
export async function readForm(request: Request, fault: Fault | null): Promise<Form> {
  const query = new URL(request.url).searchParams;
  const isGet = request.method === 'GET';
  if (isGet && fault !== 'takes GET') throw new Refusal('invalid_request', 405);
  const body = isGet ? query : new URLSearchParams(await request.text());
  const inUri = fault === 'takes credentials from the URI' && !isGet ? [...query] : [];
  const form = new Map<string, string[]>();
  for (const [name, value] of [...body, ...inUri]) {
    form.set(name, [...(form.get(name) ?? []), value]);
  }
  for (const [name, values] of form) checkValues(name, values, fault);
  if (fault === 'takes empty values for values') return form;
  return new Map(
    [...form]
      .map(([name, values]) => [name, values.filter((value) => value !== '')] as const)
      .filter(([, values]) => values.length > 0),
  );
}

function checkValues(name: string, values: readonly string[], fault: Fault | null): void {
  if (fault === 'refuses unknown parameters' && !KNOWN.has(name)) {
    // A repetition is refused as such in any case.
    throw new Refusal('invalid_request');
  }
  if (values.length === 1) return;
  const mayBeRepeated =
    (name === 'resource' && fault !== 'refuses a second resource') ||
    (name === 'audience' && fault !== 'refuses a second audience');
  if (mayBeRepeated || fault === 'takes repeated parameters') return;
  const isOther = fault === 'has another error for repetitions';
  throw new Refusal(isOther ? 'invalid_grant' : 'invalid_request');
}
