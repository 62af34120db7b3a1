import { objectOf } from '../api/json.js';
import type { CommandContext } from '../context.js';
import type { Noun } from '../nouns/noun.js';
import { bodyOf, type Options } from './said.js';

/** Members of answers that are shown this once. */
const SECRETS = ['client_secret', 'secret', 'token', 'key'];

/** `create`: makes a thing of what was said, and prints it. What it says once goes to the standard output alone. */
export async function create(
  context: CommandContext,
  noun: Noun,
  name: string | undefined,
  options: Options,
): Promise<void> {
  const said = await bodyOf(context, noun.fields, options, null);
  const { made = noun.calledBy } = noun;
  const body = name === undefined || made === null ? said : { ...said, [made]: name };
  const { path } = await context.collection(noun.name);
  const answer = await context.api.request('POST', path, { body });
  await context.print(answer);
  hintAtSecrets(context, answer.body);
}

/** Says that an answer has something in it that cannot be had again. */
export function hintAtSecrets(context: CommandContext, body: unknown): void {
  const answer = objectOf(body);
  const secrets = SECRETS.filter((member) => typeof answer[member] === 'string');
  if (secrets.length > 0) {
    context.say(
      `${secrets.join(' and ')}: shown this once, and kept nowhere in clear. Keep it now`,
    );
  }
}
