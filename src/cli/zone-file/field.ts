import type { z } from 'zod';
import type { JsonValue } from '../../oauth/strict-json.js';

/** A field of the zone file: what it may be, and what the API has in its place. */
export interface Field {
  /** What it may be, with its description; the JSON Schema is made of the same. */
  readonly type: z.ZodType;
  /** What the API calls it, where that is another name. */
  readonly member?: string;
  /** What it is where the file does not say; `null`: nothing, which is how a merge patch (RFC 7396) takes it away. */
  readonly absent: JsonValue;
  /** Whether the file has to say it. */
  readonly required?: true;
  /** Whether it stays as it is where the file does not say: what somebody switched off by hand is not switched on. */
  readonly stays?: true;
  /** Whether what is new cannot have it yet, and gets it as soon as it is there. */
  readonly notAtFirst?: true;
  /** Whether the order of its elements has no meaning. */
  readonly unordered?: true;
  /** The section whose things it names. */
  readonly refersTo?: string;
  /** Whether the API has their ids in place of their names. */
  readonly byId?: true;
  /** How the API writes what means the same. */
  readonly canonical?: (value: JsonValue) => JsonValue;
  /** Whether it may name the issuer of the zone, as `${issuer}`. */
  readonly mayBeIssuer?: true;
  /** Whether the API lets go of it by itself where something else takes its place, and refuses `null`. */
  readonly letGo?: true;
  /** Whether its value is set by `null` where it is what it is by itself: the API takes it only together with others. */
  readonly resetByNull?: true;
  /** Whether the file has a reference to a secret here, never the secret. */
  readonly secret?: true;
  /** Whether people read it line by line. */
  readonly text?: true;
}

/** A kind of thing that a zone file lists. */
export interface Noun {
  /** Its section of the file. */
  readonly section: string;
  /** What one is called. */
  readonly title: string;
  /** Its path below that of the zone. */
  readonly path: string;
  /** What is asked for when all are listed, beside the list. */
  readonly query?: Readonly<Record<string, string>>;
  /** The field that tells it from others. */
  readonly key: string;
  /** The field that does where something has no name. */
  readonly keyElse?: string;
  readonly description: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** How it is changed: by a merge patch, or by a `PUT` of all of it, which makes it as well where the path has its name. */
  readonly change: 'patch' | 'put' | 'put by name';
  /** What fields are that follow from others where the file does not say. */
  readonly derive?: (item: Item) => Item;
  /** Whether an answer of the API shows one that operators have made, rather than what there always is. */
  readonly isOwn?: (view: Item) => boolean;
  /** Whether it is there whatever anybody says: it is changed, and never removed. */
  readonly isPermanent?: (view: Item) => boolean;
  /** Whether every new zone has one of this name: then it is changed, not made. */
  readonly isBornWith?: (name: string) => boolean;
  /** Whether it is as it is in every new zone, and so need not be said. */
  readonly isUsual?: (view: Item) => boolean;
}

/** A thing of a zone file: its fields by name. */
export type Item = Readonly<Record<string, JsonValue>>;

/** What something is called in the zone file. */
export function nameOf({ key, keyElse = key }: Pick<Noun, 'key' | 'keyElse'>, item: Item): string {
  const name = item[key] ?? item[keyElse];
  return typeof name === 'string' ? name : '';
}

/** What the API calls a field. */
export function memberOf(name: string, { member = name }: Field): string {
  return member;
}
