/** What a `;` does not end a statement in: comments, strings, names in quotes, and the bodies of functions. */
const WHOLE = /--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|;|[^-'"$;]+|[\s\S]/g;

/**
 * The statements of a text of SQL, one by one, for a server that does not take several at once (`distribute.ts`). Of
 * comments it knows those to the end of the line, as our files have no others.
 *
 * @returns them in their order, each without its `;`; nothing for what is empty but for comments
 */
export function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let statement = '';
  let says = false;
  const end = (): void => {
    if (says) statements.push(statement.trim());
    statement = '';
    says = false;
  };
  for (const [part] of text.matchAll(WHOLE)) {
    if (part === ';') {
      end();
      continue;
    }
    statement += part;
    says ||= !part.startsWith('--') && part.trim() !== '';
  }
  end();
  return statements;
}
