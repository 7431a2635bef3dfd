/**
 * The languages in which a list is asked for: filter, order and page size.
 *
 *   filter    = condition *( 1*SP "AND" 1*SP condition )
 *   condition = field ( "=" | "!=" ) value / field [ "NOT" ] "IN" "(" value *( "," value ) ")"
 *   value     = "..." or '...' with C escapes / [A-Za-z0-9_.-]+
 *   orderBy   = field [ "asc" | "desc" ]
 *
 * Keywords are case-insensitive; there is no OR and no grouping.
 */
import { invalidField } from './errors.ts';

export const MAX_FILTER_LENGTH = 1000;
export const MAX_ORDER_BY_LENGTH = 100;
export const MAX_PAGE_SIZE = 1000;
export const DEFAULT_PAGE_SIZE = 100;

/** Fields by which each kind of resource can be filtered; `labels.*` stands for any key after the dot. */
export const FILTER_FIELDS = {
  image: ['id', 'name', 'family', 'status', 'createdAt', 'osType', 'pooled', 'architecture', 'labels.*'],
  disk: ['id', 'name', 'status', 'createdAt', 'typeId', 'zoneId', 'labels.*'],
  snapshot: ['id', 'name', 'status', 'createdAt', 'sourceDiskId', 'labels.*'],
} as const;
export const ORDER_FIELDS = {
  image: ['id', 'name', 'family', 'status', 'createdAt'],
  disk: ['id', 'name', 'status', 'createdAt'],
  snapshot: ['id', 'name', 'status', 'createdAt'],
} as const;

/** The field is one of these values, or none of them when negated. Values are the texts of the JSON form. */
export interface Condition {
  /** As in the table of fields, `labels` for `labels.<key>`. */
  readonly field: string;
  /** Present when the table of fields has `<field>.*`. */
  readonly key?: string;
  readonly negated: boolean;
  readonly values: readonly string[];
}

/**
 * The conditions of a filter, all of which must hold; none for an absent or empty one.
 * in: the fields that this list knows. errors: INVALID_ARGUMENT on `filter` naming the place.
 */
export function parseFilter(text: string | undefined, fields: readonly string[]): readonly Condition[] {
  if (text === undefined) return [];
  if (text.length > MAX_FILTER_LENGTH) {
    throw invalidField('filter', `must be up to ${MAX_FILTER_LENGTH} characters`);
  }
  return new FilterReader(text, fields).read();
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Reads from left to right; `at` is the offset of the next character. */
class FilterReader {
  private at = 0;
  private readonly text: string;
  private readonly fields: readonly string[];

  constructor(text: string, fields: readonly string[]) {
    this.text = text;
    this.fields = fields;
  }

  read(): readonly Condition[] {
    this.skipSpaces();
    if (this.atEnd()) return [];
    const conditions = [this.condition()];
    for (;;) {
      const spaces = this.skipSpaces();
      if (this.atEnd()) return conditions;
      if (spaces === 0 || !this.takeKeyword('AND')) this.fail(this.at, 'expected AND between conditions');
      if (this.skipSpaces() === 0) this.fail(this.at, 'expected a space and a condition after AND');
      conditions.push(this.condition());
    }
  }

  private condition(): Condition {
    const named = this.field();
    const spaces = this.skipSpaces();
    const unequal = this.take('!=');
    if (unequal || this.take('=')) {
      this.skipSpaces();
      return { ...named, negated: unequal, values: [this.value()] };
    }
    const start = this.at;
    const negated = spaces > 0 && this.takeKeyword('NOT');
    if (negated) this.skipSpaces();
    if (spaces > 0 && this.takeKeyword('IN')) return { ...named, negated, values: this.valueList() };
    return this.fail(start, 'expected =, !=, IN or NOT IN');
  }

  private field(): { field: string; key?: string } {
    const start = this.at;
    const name = this.match(/[A-Za-z_][-A-Za-z0-9_./\\@]*/y);
    if (name === undefined) this.fail(start, 'expected the name of a field');
    if (this.fields.includes(name) && !name.endsWith('*')) return { field: name };
    const dot = name.indexOf('.');
    if (dot > 0 && dot < name.length - 1 && this.fields.includes(`${name.slice(0, dot)}.*`)) {
      return { field: name.slice(0, dot), key: name.slice(dot + 1) };
    }
    const known = this.fields.map((field) => field.replace('*', '<key>')).join(', ');
    return this.fail(start, `"${name}" is not a field to filter by; these are: ${known}`);
  }

  private valueList(): readonly string[] {
    this.skipSpaces();
    if (!this.take('(')) this.fail(this.at, 'expected ( and a list of values after IN');
    const values: string[] = [];
    do {
      this.skipSpaces();
      values.push(this.value());
      this.skipSpaces();
    } while (this.take(','));
    if (!this.take(')')) this.fail(this.at, 'expected a comma or )');
    return values;
  }

  private value(): string {
    const start = this.at;
    const quote = this.text[start];
    if (quote !== '"' && quote !== "'") {
      const simple = this.match(/[A-Za-z0-9_.-]+/y);
      return simple ?? this.fail(start, 'expected a value; put it in quotes');
    }
    this.at += 1;
    let value = '';
    for (;;) {
      const character = this.text[this.at];
      if (character === undefined) this.fail(start, 'this quote is not closed');
      if (character === quote) break;
      if (character === '\\') {
        const escaped = ESCAPES[this.text[this.at + 1] ?? ''];
        if (escaped === undefined) this.fail(this.at, 'unknown escape; write \\\\ for a backslash');
        value += escaped;
        this.at += 2;
      } else {
        value += character;
        this.at += 1;
      }
    }
    this.at += 1;
    return value;
  }

  private atEnd(): boolean {
    return this.at === this.text.length;
  }

  private skipSpaces(): number {
    return this.match(/[ \t\r\n]+/y)?.length ?? 0;
  }

  private take(sign: string): boolean {
    if (!this.text.startsWith(sign, this.at)) return false;
    this.at += sign.length;
    return true;
  }

  private takeKeyword(word: string): boolean {
    const end = this.at + word.length;
    if (this.text.slice(this.at, end).toUpperCase() !== word) return false;
    if (/[A-Za-z0-9_.-]/.test(this.text[end] ?? '')) return false;
    this.at = end;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private fail(at: number, reason: string): never {
    throw invalidField('filter', `at character ${at}: ${reason}`);
  }
}

export interface Order {
  readonly field: string;
  readonly direction: 'asc' | 'desc';
}

/** An absent or empty order is by id, ascending. errors: INVALID_ARGUMENT on `order_by`. */
export function parseOrderBy(text: string | undefined, fields: readonly string[]): Order {
  const words = (text ?? '').split(/[ \t\r\n]+/).filter((word) => word !== '');
  if (words.length === 0) return { field: 'id', direction: 'asc' };
  if (text !== undefined && text.length > MAX_ORDER_BY_LENGTH) {
    throw invalidField('order_by', `must be up to ${MAX_ORDER_BY_LENGTH} characters`);
  }
  const [field = '', direction = 'asc'] = words;
  if (!fields.includes(field)) {
    throw invalidField('order_by', `"${field}" is not a field to order by; these are: ${fields.join(', ')}`);
  }
  const lower = direction.toLowerCase();
  if (words.length > 2 || (lower !== 'asc' && lower !== 'desc')) {
    throw invalidField('order_by', 'must be one field, with asc or desc after it when needed');
  }
  return { field, direction: lower };
}

/** A row of a list, with the fields by which lists are ordered. */
export interface ListedRow {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly status: string;
  readonly createdAt: number;
}

/** Negative when `a` comes before `b`: by the field of the order, then by the id, in its direction. */
export function compareIn({ field, direction }: Order): (a: ListedRow, b: ListedRow) => number {
  const key = field as keyof ListedRow;
  const sign = direction === 'asc' ? 1 : -1;
  return (a, b) => {
    const first = a[key] === b[key] ? a.id : a[key];
    const second = a[key] === b[key] ? b.id : b[key];
    return first === second ? 0 : first < second ? -sign : sign;
  };
}

/** How many rows a page holds: 100 for an absent or zero size. errors: INVALID_ARGUMENT on `page_size`. */
export function pageSizeOf(asked: number | undefined): number {
  if (asked === undefined || asked === 0) return DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(asked) || asked < 0 || asked > MAX_PAGE_SIZE) {
    throw invalidField('page_size', `must be 0 to ${MAX_PAGE_SIZE}`);
  }
  return asked;
}
