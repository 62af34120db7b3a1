import type { CommandContext } from '../context.js';
import type { Column } from '../print/things.js';

/** A kind of thing that operators administer, as the command line has it: what is said of it is data. */
export interface Noun {
  /** In the plural, as in paths: `clients`. */
  readonly name: string;
  /** One of them, in words: `client`. */
  readonly one: string;
  /** What such a thing is, in a sentence for help. */
  readonly what: string;
  /** Whether each zone has its own. */
  readonly inZone: boolean;
  /** Whether things of all zones can be listed at once, at the path of the noun. */
  readonly acrossZones?: true;
  /** The last part of the path of the list; that of the noun if absent. */
  readonly path?: string;
  /** The member by which people call one; `null` if by id only. */
  readonly calledBy: string | null;
  /** Another such member, for those that have no name of the first kind. */
  readonly alsoCalledBy?: string;
  /** The member that is said without an option where one is made; `calledBy` if absent. */
  readonly made?: string;
  /** The member that is the last part of the path of one; `id` if absent. Another one is called by it alone. */
  readonly segment?: string;
  /** What a table shows of each. */
  readonly columns: readonly Column[];
  /** What can be said of one by an option of its own. */
  readonly fields: readonly Field[];
  /** What a list can be narrowed by. */
  readonly filters: readonly Filter[];
  /** Which of the verbs that all nouns have alike this one has. */
  readonly verbs: {
    readonly list?: true;
    readonly show?: true;
    readonly create?: true;
    /** By a merge patch (RFC 7396). */
    readonly update?: true;
    readonly delete?: Deletion;
  };
  /** What parts of a thing are, by the first word of the actions about them; absent where that word says it. */
  readonly parts?: Readonly<Record<string, string>>;
  /** What only this noun can. */
  readonly actions: readonly Action[];
  /** A few command lines, each of which works, with what they do. */
  readonly examples: readonly Example[];
}

/** How a thing is deleted. */
export interface Deletion {
  /** The word for it where it is no deletion, such as `end`, and what that does. */
  readonly word?: string;
  readonly what?: string;
}

/** An option that says one member of a thing. */
export interface Field {
  /** As in `--label <label>`. */
  readonly flags: string;
  /** Dotted if it is deeper. */
  readonly member: string;
  /**
   * `list` may be given several times; `flag` has a twin `--no-…`; `json` is given as JSON; `file` is read from a file, and
   * `json-file` as JSON from a file (`-`: the standard input).
   */
  readonly kind: 'text' | 'number' | 'flag' | 'list' | 'json' | 'file' | 'json-file';
  readonly what: string;
  readonly choices?: readonly string[];
  /** The noun, by its name, whose names are given where the API has ids. */
  readonly refersTo?: string;
  /** What stands for all that there are of that noun, in place of a name. */
  readonly all?: string;
  /** Only when one is made, or only when it is changed. */
  readonly only?: 'create' | 'update';
}

/** An option that narrows a list, by a parameter of its query. */
export interface Filter {
  readonly flags: string;
  readonly parameter: string;
  readonly what: string;
  readonly choices?: readonly string[];
  /** The noun whose names are given where the API has ids. */
  readonly refersTo?: string;
}

/** Something that only one noun can do. */
export interface Action {
  /** One word, or two where it is about a part of a thing: `secrets add`. */
  readonly words: string;
  readonly what: string;
  readonly args: readonly Argument[];
  readonly options?: readonly ActionOption[];
  readonly examples: readonly Example[];
  readonly run: (context: CommandContext, given: Given) => Promise<void>;
}

/** What is given without a name: in `<>` if it has to be. */
export interface Argument {
  readonly name: string;
  readonly what: string;
  readonly optional?: true;
  /** The noun that it names one of: completion proposes names. */
  readonly of?: string;
}

export interface ActionOption {
  readonly flags: string;
  readonly what: string;
  readonly choices?: readonly string[];
  readonly required?: true;
  /** May be given several times. */
  readonly several?: true;
  /** The noun that it names one of: completion proposes names. */
  readonly of?: string;
}

/** What was given to an action. */
export interface Given {
  readonly args: readonly string[];
  /** By the name of the option in camel case. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A command line without its first word, and what it does. */
export interface Example {
  readonly line: string;
  readonly what: string;
}
