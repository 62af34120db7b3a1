import type { PolicySource } from '../../policy/engine/read-module.js';
import { WrongZoneFile } from './problems.js';
import type { PolicyText, ZoneDocument } from './read-zone-file.js';

/**
 * Checks the policies of a file as the server will, before anything is asked for: those of the set together, since names in
 * them are unique, and each other one by itself. They are checked here, where a zone and clients need not be made first. What
 * they are checked by is loaded only where there is something to check.
 *
 * @param present what the zone adds to the Cedar schema, where the file does not say
 * @throws {WrongZoneFile} with line and column of every fault
 */
export async function checkPolicies(document: ZoneDocument, present: string | null): Promise<void> {
  const { validate } = await import('../../policy/engine/validate.js');
  const schema = await readSchema(document, present);
  const policies = document.policies ?? [];
  const members = new Set(document.policySet?.policies ?? []);
  const together = policies.filter(({ name }) => members.has(name));
  const modules = [
    together,
    ...policies.filter(({ name }) => !members.has(name)).map((one) => [one]),
  ];
  const problems = modules.flatMap((texts) =>
    texts.length === 0
      ? []
      : validate(texts.map(toModule), schema).errors.map(({ module, policy, ...fault }) =>
          describe(texts, module ?? policy, fault),
        ),
  );
  if (problems.length > 0) throw new WrongZoneFile(problems);
}

/** What the zone will add to the shipped schema. @throws {WrongZoneFile} */
async function readSchema({ policySchema, at }: ZoneDocument, present: string | null) {
  const { InvalidSchema, zoneSchema } = await import('../../policy/engine/zone-schema.js');
  try {
    return zoneSchema(policySchema?.text ?? present ?? '');
  } catch (error) {
    if (!(error instanceof InvalidSchema)) throw error;
    throw new WrongZoneFile(
      error.errors.map(({ message, line, column, help }) => {
        const where = policySchema?.place(line, column) ?? at(['policy_schema']);
        return `${where}: policy_schema: ${withHelp(message, help)}`;
      }),
    );
  }
}

function toModule({ name, text }: PolicyText): PolicySource {
  return { id: name, content: text };
}

interface Found {
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly help?: string;
}

function describe(
  texts: readonly PolicyText[],
  module: string,
  { message, line, column, help }: Found,
): string {
  // The name of a policy in a verdict is its `@id`; without a module it is the only one, or the module is called so.
  const text = texts.find(({ name }) => name === module) ?? texts[0];
  return `${text?.place(line, column) ?? ''}: policy ${text?.name ?? module}: ${withHelp(message, help)}`;
}

function withHelp(message: string, help: string | undefined): string {
  return help === undefined ? message : `${message}; ${help}`;
}
