import { isObject, textOf } from '../api/json.js';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isScalar, LineCounter, parseAllDocuments, type Document, type YAMLError } from 'yaml';
import { offsetOf, offsetOfName, resolved, toValue } from './document-nodes.js';
import { complaintsOf } from './describe-issue.js';
import { nameOf, type Item } from './field.js';
import { ZONE_FILE, type Text, type Written } from './format.js';
import { readLogoFile, type LogoFile } from './logo-file.js';
import { NOUNS } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';
import { placedIn, type PlacedText, type Source } from './placed-text.js';
import { WrongZoneFile, writePath, type Path } from './problems.js';

/** The largest file that is read, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/** One zone, as its document says it is to be. */
export interface ZoneDocument {
  readonly zone: Item;
  /** The logo that the file refers to. */
  readonly logo: LogoFile | null;
  /** The things of each section that the document has; what of a section that it does not have is not its affair. */
  readonly sections: ReadonlyMap<string, readonly Item[]>;
  readonly policySchema: PlacedText | null;
  readonly policies: readonly PolicyText[] | null;
  readonly policySet: { readonly name: string; readonly policies: readonly string[] } | null;
  /** The folder that files are named relative to. */
  readonly folder: string;
  /** Where something is: `zone.yaml:3:5`. */
  readonly at: (path: Path) => string;
}

/** A policy and its text, in which clients have their names. */
export interface PolicyText extends PlacedText {
  readonly name: string;
}

/**
 * Reads a zone file: YAML 1.2, of which JSON is a part, with a document for each zone.
 *
 * @param file its path, or `-` with its `text` for the standard input
 * @throws {WrongZoneFile} with everything that is wrong with it
 */
export async function readZoneFile(file: string, text?: string): Promise<readonly ZoneDocument[]> {
  const name = file === '-' ? '<stdin>' : file;
  const folder = file === '-' ? process.cwd() : dirname(resolve(file));
  const read = text ?? (await readText(file, (why) => `${name}: ${why}`));
  if (Buffer.byteLength(read) > MAX_BYTES) {
    throw new WrongZoneFile([`${name}: is larger than ${MAX_BYTES} bytes`]);
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(read, {
    version: '1.2',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    lineCounter: lines,
    prettyErrors: false,
  });
  const documents = Array.isArray(parsed) ? parsed.filter(isWritten) : [];
  if (documents.length === 0) throw new WrongZoneFile([`${name}: there is nothing in it`]);
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const broken = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  if (broken.length > 0) throw new WrongZoneFile(broken.map((error) => describe(error, place)));
  const source = { text: read, place };
  const all = await Promise.all(documents.map((one) => readDocument(one, folder, source)));
  checkZonesOnce(all);
  return all;
}

/** Whether there is anything between two `---`. */
function isWritten(document: Document.Parsed): boolean {
  return document.errors.length > 0 || (document.contents !== null && !isEmpty(document.contents));
}

function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

function describe({ message, pos: [from] }: YAMLError, place: (offset: number) => string): string {
  return `${place(from)}: ${message.split('\n')[0] ?? ''}`;
}

async function readDocument(
  document: Document.Parsed,
  folder: string,
  source: Source,
): Promise<ZoneDocument> {
  const { place } = source;
  const at = (path: Path) => place(offsetOf(document, path));
  const value = toValue(document, place);
  const result = ZONE_FILE.safeParse(value, { reportInput: true });
  if (!result.success) {
    const complaints = complaintsOf(result.error.issues, knownAt);
    throw new WrongZoneFile(
      complaints.map(({ path, what, ofName }) => {
        const where = place(ofName ? offsetOfName(document, path) : offsetOf(document, path));
        return `${where}: ${path.length === 0 ? 'the document' : writePath(path)}: ${what}`;
      }),
    );
  }
  const written: unknown = result.data;
  if (!fitsFormat(written)) throw new Error('a document that fits is a mapping');
  const sections = new Map(
    NOUNS.flatMap(({ section }) => {
      const items = written[section];
      return items === undefined ? [] : [[section, items] as const];
    }),
  );
  const textAt = (text: Text, path: Path) =>
    'text' in text
      ? placedIn(source, resolved(document, [...path, 'text']), text.text)
      : textIn(text.file, folder, at(path));
  const { logo, zone } = await withLogo(written.zone, folder, at);
  const policies = await textsOf(written.policies, textAt);
  const problems = [...sections].flatMap(([section, items]) => repeated(section, items, at));
  if (policies !== null) problems.push(...repeated('policies', policies, at));
  const set = written.policy_set;
  if (set !== undefined && set.policies === undefined && policies === null) {
    const where = at(['policy_set']);
    problems.push(`${where}: policy_set: which policies? Neither it nor the file lists any`);
  }
  if (problems.length > 0) throw new WrongZoneFile(problems);
  return {
    zone,
    logo,
    sections,
    policySchema:
      written.policy_schema === undefined
        ? null
        : await textAt(written.policy_schema, ['policy_schema']),
    policies,
    policySet:
      set === undefined
        ? null
        : { name: set.name, policies: set.policies ?? (policies ?? []).map(({ name }) => name) },
    folder,
    at,
  };
}

/** What a document is that has passed the check of the format. */
function fitsFormat(value: unknown): value is Written & Readonly<Record<string, readonly Item[]>> {
  return isObject(value);
}

/** The names that members may have at a place. */
function knownAt(path: Path): readonly string[] {
  const [section, ...rest] = path;
  if (section === undefined) return Object.keys(ZONE_FILE.shape);
  if (section === 'zone' && rest.length === 0) return Object.keys(ZONE.fields);
  const noun = NOUNS.find((each) => each.section === section);
  if (noun !== undefined && rest.length === 1) return Object.keys(noun.fields);
  return OTHER_NAMES;
}

const OTHER_NAMES =
  'name text file env generate policies issuer subject audience method path scope description keys'.split(
    ' ',
  );

/** Puts what stands for the logo in its place. @throws {WrongZoneFile} if its file is none */
async function withLogo(
  zone: Item,
  folder: string,
  at: (path: Path) => string,
): Promise<{ readonly zone: Item; readonly logo: LogoFile | null }> {
  const { logo: said } = zone;
  if (!isObject(said)) return { zone, logo: null };
  const logo = await readLogoFile(textOf(said, 'file'), folder);
  if (typeof logo !== 'string') return { zone: { ...zone, logo: logo.name }, logo };
  const path = ['zone', 'logo', 'file'];
  throw new WrongZoneFile([`${at(path)}: ${writePath(path)}: ${logo}`]);
}

async function textsOf(
  written: Written['policies'],
  textAt: (text: Text, path: Path) => PlacedText | Promise<PlacedText>,
): Promise<PolicyText[] | null> {
  if (written === undefined) return null;
  return Promise.all(
    written.map(async (policy, n) => ({
      name: policy.name,
      ...(await textAt(policy, ['policies', n])),
    })),
  );
}

/** @throws {WrongZoneFile} if it cannot be read, or is no text */
async function textIn(file: string, folder: string, where: string): Promise<PlacedText> {
  const text = await readText(resolve(folder, file), (why) => `${where}: ${file}: ${why}`);
  return { text, place: (line = 1, column = 1) => `${file}:${line}:${column}` };
}

/** @throws {WrongZoneFile} if it cannot be read, or is no text */
async function readText(path: string, describeIt: (why: string) => string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new WrongZoneFile([describeIt(`cannot be read (${error.code ?? error.message})`)]);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new WrongZoneFile([describeIt('is not UTF-8')]);
  }
}

/** What a section has twice: of two that are called the same one would win. */
function repeated(
  section: string,
  items: readonly Item[] | readonly Pick<PolicyText, 'name'>[],
  at: (path: Path) => string,
): string[] {
  const noun = NOUNS.find((each) => each.section === section) ?? { key: 'name' };
  const names = items.map((item) => nameOf(noun, item));
  return names.flatMap((name, n) =>
    names.indexOf(name) === n
      ? []
      : [`${at([section, n, noun.key])}: ${section}[${n}]: ${name} is there twice`],
  );
}

function checkZonesOnce(documents: readonly ZoneDocument[]): void {
  const names = documents.map(({ zone }) => nameOf(ZONE, zone));
  const problems = documents.flatMap(({ at }, n) =>
    names.indexOf(names[n] ?? '') === n
      ? []
      : [`${at(['zone', 'name'])}: zone ${names[n] ?? ''} is there twice`],
  );
  if (problems.length > 0) throw new WrongZoneFile(problems);
}
