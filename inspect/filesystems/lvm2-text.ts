/**
 * The text in which LVM2 writes a volume group: `name = value` and `name { … }`, values numbers, strings and lists,
 * comments from `#` to the end of the line (LVM2 `lib/config`, lvm.conf(5)).
 */
import { GivenUp } from './tree.ts';

export type TextValue = number | string | readonly TextValue[];
export interface Section {
  readonly values: ReadonlyMap<string, TextValue>;
  readonly sections: ReadonlyMap<string, Section>;
}

const DEEPEST = 8;
const TOKEN = /\s+|#[^\n]*|("(?:[^"\\]|\\.)*"|[{}[\],=]|[^\s"#{}[\],=]+)/gy;

/** Reads the text; undefined when it does not keep to the grammar. Throws GivenUp when it is nested too deep. */
export function parseLvmText(text: string): Section | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const reader = { tokens, at: 0 };
  const section = parseSection(reader, 0);
  return section !== undefined && reader.at === tokens.length ? section : undefined;
}

interface TokenReader {
  readonly tokens: readonly string[];
  at: number;
}

function tokensOf(text: string): string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  return tokens;
}

function parseSection(reader: TokenReader, depth: number): Section | undefined {
  if (depth > DEEPEST) throw new GivenUp('its description is nested deeper than what is followed');
  const values = new Map<string, TextValue>();
  const sections = new Map<string, Section>();
  for (;;) {
    const name = reader.tokens[reader.at];
    if (name === undefined || name === '}') return { values, sections };
    const sign = reader.tokens[reader.at + 1];
    reader.at += 2;
    if (sign === '=') {
      const value = parseValue(reader);
      if (value === undefined) return undefined;
      values.set(name, value);
    } else if (sign === '{') {
      const section = parseSection(reader, depth + 1);
      if (section === undefined || reader.tokens[reader.at] !== '}') return undefined;
      reader.at += 1;
      sections.set(name, section);
    } else {
      return undefined;
    }
  }
}

/** A number, a string, or a list of them; lists are not nested. */
function parseValue(reader: TokenReader): TextValue | undefined {
  const token = reader.tokens[reader.at];
  reader.at += 1;
  if (token !== '[') return parseScalar(token);
  const list: TextValue[] = [];
  while (reader.tokens[reader.at] !== ']') {
    const item = parseScalar(reader.tokens[reader.at]);
    if (item === undefined) return undefined;
    list.push(item);
    reader.at += 1;
    if (reader.tokens[reader.at] === ',') reader.at += 1;
  }
  reader.at += 1;
  return list;
}

function parseScalar(token: string | undefined): number | string | undefined {
  if (token === undefined) return undefined;
  if (token.startsWith('"')) return token.slice(1, -1).replace(/\\(.)/gs, '$1');
  const number = Number(token);
  return Number.isFinite(number) ? number : undefined;
}
