/** Text of a template, and the paths of members that stand between. */
export type TemplatePart = { readonly text: string } | { readonly path: string };

const PATH = /^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*$/;

/** Takes a template apart. @returns `null` if a brace is not closed, or encloses no path */
export function partsOf(template: string): readonly TemplatePart[] | null {
  const parts: TemplatePart[] = [];
  for (const [i, piece] of template.split('{').entries()) {
    const [first = '', ...more] = piece.split('}');
    if (i === 0) {
      if (more.length > 0) return null;
      parts.push({ text: first });
      continue;
    }
    const [text, ...others] = more;
    if (text === undefined || others.length > 0 || !PATH.test(first)) return null;
    parts.push({ path: first }, { text });
  }
  return parts;
}

/** The paths of members that a template has. @returns `null` for what is none */
export function placeholdersIn(template: string): readonly string[] | null {
  return partsOf(template)?.flatMap((part) => ('path' in part ? [part.path] : [])) ?? null;
}
