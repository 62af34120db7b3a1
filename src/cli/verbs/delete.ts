import { objectOf } from '../api/json.js';
import { Refusal } from '../api/refusal.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import type { Noun } from '../nouns/noun.js';
import { EXIT } from '../command-result.js';
import { cellOf } from '../print/cells.js';
import type { Options } from './said.js';

/**
 * `delete`, or what it is called for a noun: says what hangs on a thing, asks a person, and removes it if it is still as
 * it was then.
 */
export async function remove(
  context: CommandContext,
  noun: Noun,
  nameOrId: string,
  options: Options,
): Promise<void> {
  const { word = 'delete' } = noun.verbs.delete ?? {};
  const path = await context.pathOf(noun.name, nameOrId);
  const what = `${capital(word)} ${noun.one} ${JSON.stringify(nameOrId)}`;
  await removeAt(context, path, what, options, noun.verbs.show === true);
}

/**
 * Removes what is at a path.
 *
 * @param what as an order, such as `Delete client "billing"`
 * @param isShown whether it can be shown, and so has an entity tag
 * @throws {CommandFailure} if a person does not want it, or there is none to ask
 */
export async function removeAt(
  context: CommandContext,
  path: string,
  what: string,
  options: Options,
  isShown: boolean,
): Promise<void> {
  const { ifMatch, yes } = options;
  const tag =
    typeof ifMatch === 'string' ? ifMatch : isShown ? (await context.api.get(path)).etag : null;
  const condition = tag === null ? {} : { ifMatch: tag };
  if (options['dryRun'] === true || yes !== true) {
    const would = await context.api.request('DELETE', path, {
      query: { dry_run: 'true' },
      ...condition,
    });
    if (options['dryRun'] === true) return context.print(would);
    context.say(
      consequencesOf(objectOf(objectOf(would.body)['would'])['affects'], 'with it goes or ends'),
    );
  }
  if (yes !== true) await confirm(context, `${what}?`);
  const { status } = await context.api.request('DELETE', path, condition);
  if (status !== 202) return context.say(`${what}: done`);
  context.say(`${what}: it has ended, and is being removed in the background`);
  if (options['wait'] === true) await untilGone(context, path, what);
}

/** Asks a person whether something is to be done. @throws {CommandFailure} if not, or if there is none to ask */
export async function confirm(context: CommandContext, question: string): Promise<void> {
  const answer = await context.terminal.ask(`${question} [y/N] `);
  if (answer === null) {
    throw new CommandFailure(
      EXIT.usage,
      'there is nobody to ask whether that is meant',
      '--yes says that it is',
    );
  }
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new CommandFailure(EXIT.wrong, 'nothing was done');
}

/** What something hits, in words. @param affects counts and names, by what they are of */
export function consequencesOf(affects: unknown, lead: string): string {
  const lines = Object.entries(objectOf(affects))
    .filter(([, value]) => value !== 0 && value !== false && cellOf(value) !== '')
    .map(([member, value]) => `  ${member.replaceAll('_', ' ')}: ${cellOf(value)}`);
  return lines.length === 0 ? 'nothing hangs on it' : `${lead}:\n${lines.join('\n')}`;
}

/** Waits until a thing that is being removed is gone, and says how far that is. */
async function untilGone(context: CommandContext, path: string, what: string): Promise<void> {
  let said = '';
  for (;;) {
    const body = await context.api.get(path).then(
      (answer) => answer.body,
      (error: unknown) => {
        if (error instanceof Refusal && error.status === 404) return null;
        throw error;
      },
    );
    if (body === null) return context.say(`${what}: removed`);
    const now = Object.entries(objectOf(objectOf(body)['removing']))
      .map(([member, value]) => `${member} ${cellOf(value) || 'not counted yet'}`)
      .join(', ');
    if (now !== said) context.say(now);
    said = now;
    await context.pause(1);
  }
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
