/**
 * Page tokens: where the next page begins, as the sort value and the id of the last row that was given.
 *
 * A token is `<check><tag><value>.<id>`: `check` is 12 characters over the list that was asked for and over the
 * rest of the token, `tag` says whether the value is a text (`s`) or an integer (`n`, in base 36). Sort values
 * are names, families, states and times, all of them url-safe as they are, so nothing has to be encoded and the
 * longest token (63 characters of name, 20 of id) has 97 characters.
 */
import { invalidField } from './errors.ts';

export const MAX_PAGE_TOKEN_LENGTH = 100;

/** The last row of the page before: what it is sorted by, and its id, which decides between equal values. */
export interface PagePosition {
  readonly value: string | number;
  readonly id: string;
}

const CHECK_LENGTH = 12;

/** FNV-1a of 64 bits over UTF-16 units. It finds mistakes; a token gives no right, so it need not be secret. */
function checkOf(query: readonly string[], body: string): string {
  let hash = 0xcbf29ce484222325n;
  const text = JSON.stringify([...query, body]);
  for (let index = 0; index < text.length; index += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n);
  }
  return BigInt.asUintN(60, hash ^ (hash >> 60n))
    .toString(32)
    .padStart(CHECK_LENGTH, '0');
}

/**
 * in: everything that makes the list what it is (kind, folder, filter, order …), and where the page ended.
 * errors: RangeError for a position that cannot be written, which is a fault of the caller's code.
 */
export function encodePageToken(query: readonly string[], position: PagePosition): string {
  const { value, id } = position;
  const body = typeof value === 'number' ? `n${value.toString(36)}.${id}` : `s${value}.${id}`;
  const token = checkOf(query, body) + body;
  const read = readPosition(body);
  if (token.length > MAX_PAGE_TOKEN_LENGTH || read?.value !== value || read.id !== id) {
    throw new RangeError(`no page token can hold the position ${JSON.stringify(position)}`);
  }
  return token;
}

/** errors: INVALID_ARGUMENT on `page_token` for one that was damaged, or made for another list. */
export function decodePageToken(query: readonly string[], token: string): PagePosition {
  const body = token.slice(CHECK_LENGTH);
  const position = token.length <= MAX_PAGE_TOKEN_LENGTH ? readPosition(body) : undefined;
  if (position === undefined || token.slice(0, CHECK_LENGTH) !== checkOf(query, body)) {
    throw invalidField(
      'page_token',
      'is not a token of this list; send nextPageToken back unchanged, with the same folder, filter and order',
    );
  }
  return position;
}

function readPosition(body: string): PagePosition | undefined {
  const match = /^(?:s([A-Za-z0-9._~-]*)|n(-?[0-9a-z]+))\.([A-Za-z0-9_~-]*)$/.exec(body);
  if (match === null) return undefined;
  const [, text, digits, id] = match;
  if (text !== undefined) return { value: text, id: id! };
  const value = Number.parseInt(digits!, 36);
  return Number.isSafeInteger(value) ? { value, id: id! } : undefined;
}
