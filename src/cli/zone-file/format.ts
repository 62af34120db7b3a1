import { z } from 'zod';
import type { Item, Noun } from './field.js';
import { NOUNS } from './nouns/nouns.js';
import { line } from './nouns/values.js';
import { ZONE } from './nouns/zone-noun.js';

/** What a file says that it is: a zone of the first version of the format. */
export const API_VERSION = 'mandate/v1';

const LEFT_OUT = 'Left out: what there is stays, also with --prune.';

const cedar = z.string().min(1);
const inFile = z.string().min(1).describe('The file that has the text, relative to the zone file.');

const policy = z
  .union([
    z.strictObject({
      name: line().describe('Unique in the zone.'),
      text: cedar.describe(
        'Cedar. A string `"${client:NAME}"` stands for the id of that client, `"${zone}"` and `"${issuer}"` for those of the zone.',
      ),
    }),
    z.strictObject({ name: line().describe('Unique in the zone.'), file: inFile }),
  ])
  .describe('A policy, in Cedar.');

const policySet = z.strictObject({
  name: line().describe('Unique in the zone.'),
  policies: z
    .array(line())
    .max(1000)
    .optional()
    .describe(
      'The policies that are in it, by name; all of this file by default, which has to list them then.',
    ),
});

const policySchema = z.union([
  z.strictObject({ text: z.string().min(1) }),
  z.strictObject({ file: inFile }),
]);

/** One zone, as a YAML document has it: the one definition that files are read by and that the JSON Schema is made of. */
export const ZONE_FILE = z.strictObject({
  apiVersion: z.literal(API_VERSION).describe('The version of this format.'),
  zone: itemOf(ZONE).describe(ZONE.description),
  ...Object.fromEntries(
    NOUNS.map((noun) => [
      noun.section,
      z.array(itemOf(noun)).optional().describe(`${noun.description} ${LEFT_OUT}`),
    ]),
  ),
  policy_schema: policySchema
    .optional()
    .describe(
      'What the zone adds to the Cedar schema; stays as it is where the file does not say.',
    ),
  policies: z.array(policy).optional().describe(`Who may do what. ${LEFT_OUT}`),
  policy_set: policySet
    .optional()
    .describe(
      'The policies that decide: activated last. Stays as it is where the file does not say.',
    ),
});

/** A document of a zone file, as it is written. */
export interface Written {
  readonly zone: Item;
  readonly policy_schema?: Text;
  readonly policies?: readonly (Text & { readonly name: string })[];
  readonly policy_set?: { readonly name: string; readonly policies?: readonly string[] };
}

/** A text, or the file that has it. */
export type Text = { readonly text: string } | { readonly file: string };

function itemOf({ fields, key, keyElse }: Noun): z.ZodType {
  const shape = Object.entries(fields).map(([name, { type, required, absent }]) => {
    if ((name === key && keyElse === undefined) || required === true) return [name, type];
    const known = absent === null ? type : type.meta({ default: absent });
    return [name, known.optional()];
  });
  return z.strictObject(Object.fromEntries(shape));
}
