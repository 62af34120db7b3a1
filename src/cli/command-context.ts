import { readFile } from './api/connection.js';
import type { Answer, ApiClient } from './api/api-client.js';
import { findOne, type Collection } from './api/find.js';
import { isObject, listOf, objectOf, textOf } from './api/json.js';
import type { CommandContext } from './context.js';
import { CommandFailure } from './failure.js';
import { nounOf } from './nouns/nouns.js';
import { EXIT } from './command-result.js';
import { printItems, printOne, type Column } from './print/things.js';
import type { Terminal } from './terminal.js';

/** The {@link CommandContext} of one command, about one installation and at most one zone. */
export class AskingContext implements CommandContext {
  private zoneId: Promise<string> | null = null;

  /** @param said the zone that was said, by name or id, and whether the command can be about all */
  constructor(
    readonly api: ApiClient,
    readonly terminal: Terminal,
    readonly json: boolean,
    private readonly said: { readonly name: string | undefined; readonly across: boolean },
    readonly pause: (seconds: number) => Promise<unknown>,
  ) {}

  zone(): Promise<string> {
    this.zoneId ??= this.findZone();
    return this.zoneId;
  }

  async collection(noun: string): Promise<Collection> {
    const { name, one, inZone, path = name, calledBy, alsoCalledBy } = nounOf(noun);
    const where = inZone ? `zones/${await this.zone()}/${path}` : path;
    return { path: where, one, calledBy, alsoCalledBy };
  }

  async pathOf(noun: string, nameOrId: string): Promise<string> {
    const collection = await this.collection(noun);
    if (nounOf(noun).segment !== undefined)
      return `${collection.path}/${encodeURIComponent(nameOrId)}`;
    const found = await findOne(this.api, collection, nameOrId);
    return `${collection.path}/${textOf(found, 'id')}`;
  }

  async idOf(noun: string, nameOrId: string): Promise<string> {
    return textOf(await findOne(this.api, await this.collection(noun), nameOrId), 'id');
  }

  print({ body }: Pick<Answer, 'body'>): Promise<void> {
    return printOne(this, body);
  }

  printList(
    path: string,
    columns: readonly Column[],
    query: Readonly<Record<string, string | undefined>> = {},
  ): Promise<void> {
    return printItems(this, this.api.pages(path, query), columns);
  }

  say(text: string): void {
    this.terminal.say(`${text}\n`);
  }

  async read(path: string): Promise<string> {
    return path === '-' ? this.terminal.read() : readFile(path);
  }

  private async findZone(): Promise<string> {
    const zones = await this.collection('zones');
    const { name: said, across } = this.said;
    if (said !== undefined) return textOf(await findOne(this.api, zones, said), 'id');
    const { body } = await this.api.get('zones', { limit: '5' });
    const names = listOf(objectOf(body)['items'])
      .filter(isObject)
      .map((zone) => JSON.stringify(textOf(zone, 'name')));
    throw new CommandFailure(
      EXIT.usage,
      'which zone? --zone or MANDATE_ZONE says it, by name or id',
      names.length === 0
        ? 'there is none yet; mandate zones create NAME makes one'
        : `such as ${names.join(', ')}${across ? '; --all-zones is all of them' : ''}`,
    );
  }
}
