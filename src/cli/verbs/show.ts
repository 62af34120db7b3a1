import type { CommandContext } from '../context.js';
import type { Noun } from '../nouns/noun.js';

/** `show`: one thing, by its name or id. */
export async function show(context: CommandContext, noun: Noun, nameOrId: string): Promise<void> {
  await context.print(await context.api.get(await context.pathOf(noun.name, nameOrId)));
}
