/** A fault in a policy's text, and where it starts (UTF-16 offset). */
export interface TextFault {
  readonly offset: number;
  readonly message: string;
  readonly help?: string;
}

/**
 * The deepest expression that is allowed, in levels. The engine recurses on its 1 MiB stack and on the
 * stack of JavaScript without a limit; between 100 and 150 it fails, and then it is lost (see engine.ts).
 */
export const MAX_EXPRESSION_DEPTH = 64;

const TOKEN =
  /"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)|\/\/[^\n\r]*|&&|\|\||[=!<>]=|::|[A-Za-z_]\w*|[()[\]{}.,;<>+\-*!]/gs;

/** Tokens that make everything else in their bracket one level deeper. */
const WHOLE_BRACKET = new Set(['&&', '||', 'if', 'when', 'unless']);
/** Tokens that make their operand one level deeper, up to the next connective. */
const OPERAND = new Set('== != <= >= < > . + - * ! has like in is'.split(' '));
const OPEN = new Set(['(', '[', '{']);
const CLOSE = new Set([')', ']', '}']);

/** The depths counted in one bracket so far. */
interface Bracket {
  connectives: number;
  operand: number;
  inner: number;
  deepest: number;
}

/**
 * Finds the first policy that is too deep, by an upper bound from tokens alone: a chain of `n`
 * operators counts as `n` levels, as it does in the tree. Text that is not Cedar is left to Cedar.
 *
 * @returns `null` if none is too deep
 */
export function findTooDeep(text: string): TextFault | null {
  let open: Bracket[] = [];
  let here = enter(open);
  let start: number | undefined;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token.startsWith('//')) continue;
    start ??= index;
    if (token.startsWith('"')) {
      // Reading on would count the text in the string; Cedar cannot parse it either.
      if (token.length < 2 || !token.endsWith('"')) {
        return { offset: index, message: 'the string is not closed' };
      }
    } else if (OPEN.has(token)) {
      if (token === '[') here.operand += 1;
      here = enter(open);
      if (open.length > MAX_EXPRESSION_DEPTH) return tooDeep(start);
    } else if (CLOSE.has(token)) {
      here = leave(open);
    } else if (WHOLE_BRACKET.has(token)) {
      endOperand(here);
      here.connectives += 1;
    } else if (token === ',') {
      endOperand(here);
    } else if (OPERAND.has(token)) {
      here.operand += 1;
    } else if (token === ';') {
      if (depthOf(open) > MAX_EXPRESSION_DEPTH) return tooDeep(start);
      open = [];
      here = enter(open);
      start = undefined;
    }
  }
  return depthOf(open) > MAX_EXPRESSION_DEPTH ? tooDeep(start ?? 0) : null;
}

function enter(open: Bracket[]): Bracket {
  const bracket = { connectives: 0, operand: 0, inner: 0, deepest: 0 };
  open.push(bracket);
  return bracket;
}

function leave(open: Bracket[]): Bracket {
  const inner = depthOf(open.splice(-1));
  const outer = open.at(-1) ?? enter(open);
  outer.inner = Math.max(outer.inner, inner);
  return outer;
}

function endOperand(here: Bracket): void {
  here.deepest = Math.max(here.deepest, here.operand + here.inner);
  here.operand = 0;
  here.inner = 0;
}

/** The depth of nested brackets, outermost first. */
function depthOf(open: readonly Bracket[]): number {
  return open.reduceRight(
    (within, { connectives, operand, inner, deepest }) =>
      1 + connectives + Math.max(deepest, operand + Math.max(inner, within)),
    0,
  );
}

function tooDeep(offset: number): TextFault {
  return {
    offset,
    message: `an expression is more than ${MAX_EXPRESSION_DEPTH} levels deep`,
    help: 'split it into several policies, or compare with a set: `[…].contains(…)`',
  };
}
