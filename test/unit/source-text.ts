/** What a source file says in code, as against in comments, strings and regular expressions. */

export interface Import {
  readonly specifier: string;
  /** `import type` or `export type`: nothing of it is left when the code runs. */
  readonly typeOnly: boolean;
}

/** A slash after one of these begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>\n]|\b(?:return|typeof|case|in|of|do|else|void|yield|await))\s*$/;

/**
 * The text with spaces in place of comments and of what strings, templates and regular expressions hold.
 * Every character keeps its place, and quotes stay.
 */
export function codeOf(text: string): string {
  const code = text.split('');
  const blank = (from: number, to: number) => {
    for (let at = from; at < to; at += 1) if (code[at] !== '\n') code[at] = ' ';
  };
  /** For each template that is open around here: how many braces are open inside its `${`. */
  const templates: number[] = [];
  let at = 0;

  const skipTemplate = () => {
    const from = at;
    while (at < text.length && text[at] !== '`') {
      if (text[at] === '$' && text[at + 1] === '{') {
        blank(from, at);
        templates.push(0);
        at += 2;
        return;
      }
      at += text[at] === '\\' ? 2 : 1;
    }
    blank(from, at);
    at += 1;
  };
  const skipQuoted = (quote: string) => {
    const from = at;
    while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
    blank(from, at);
    at += 1;
  };
  const skipRegex = () => {
    const from = at;
    let inClass = false;
    while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
      if (text[at] === '[') inClass = true;
      else if (text[at] === ']') inClass = false;
      at += text[at] === '\\' ? 2 : 1;
    }
    blank(from, at);
    at += 1;
  };

  while (at < text.length) {
    const character = text[at]!;
    if (text.startsWith('//', at) || text.startsWith('/*', at)) {
      const closing =
        character + text[at + 1] === '//' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
      const to = closing < at + 2 ? text.length : closing;
      blank(at, to);
      at = to;
    } else if (character === "'" || character === '"') {
      at += 1;
      skipQuoted(character);
    } else if (character === '`') {
      at += 1;
      skipTemplate();
    } else if (character === '/' && BEFORE_REGEX.test(code.slice(Math.max(0, at - 40), at).join(''))) {
      at += 1;
      skipRegex();
    } else if (character === '}' && templates.at(-1) === 0) {
      templates.pop();
      at += 1;
      skipTemplate();
    } else {
      if (templates.length > 0 && character === '{') templates[templates.length - 1]! += 1;
      if (templates.length > 0 && character === '}') templates[templates.length - 1]! -= 1;
      at += 1;
    }
  }
  return code.join('');
}

const STATEMENT =
  /(?<=^|[;}\n])[ \t]*(?:import|export)\s+(type\s+(?!from\b))?[\w$*{},\s]*?\bfrom\s*(['"])( *)\2/dg;
const SIDE_EFFECT = /(?<=^|[;}\n])[ \t]*(import)\s*(['"])( *)\2/dg;
const DYNAMIC = /\b(import)\s*\(\s*(['"])( *)\2/dg;

/** Every import of a file, static, of types only, and dynamic. */
export function importsOf(text: string): readonly Import[] {
  const code = codeOf(text);
  const read = (pattern: RegExp): Import[] =>
    [...code.matchAll(pattern)].map((match) => {
      const [from, to] = match.indices![3]!;
      return { specifier: text.slice(from, to), typeOnly: match[1]?.startsWith('type') === true };
    });
  return [...read(STATEMENT), ...read(SIDE_EFFECT), ...read(DYNAMIC)];
}
