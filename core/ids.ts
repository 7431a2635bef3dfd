/** Identifiers, API keys and IAM tokens: how they are written, made from random bytes that the caller gives. */

/** Five bits a character, so that no letter is likelier than another. */
const ALPHABET = '0123456789abcdefghijklmnopqrstuv';
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** What an id begins with, by what it names. */
const PREFIXES = {
  image: 'fd8',
  snapshot: 'fd8',
  disk: 'fhm',
  layer: 'fd8',
  upload: 'fd8',
  job: 'fd8',
  operation: 'fd8',
  promotion: 'fd8',
  lease: 'fd8',
  webhook: 'fd8',
  delivery: 'fd8',
  run: 'fd8',
  event: 'fd8',
  binding: 'fd8',
  cloud: 'b1g',
  folder: 'b1g',
  organization: 'bpf',
  quotaRequest: 'b1g',
  serviceAccount: 'aje',
  apiKey: 'aje',
  federation: 'aje',
  federatedCredential: 'aje',
  authorizedKey: 'aje',
} as const;

export type IdKind = keyof typeof PREFIXES;

const ID_LENGTH = 20;
const ID_TAIL_LENGTH = ID_LENGTH - 3;
/** Random bytes that one id takes. */
export const ID_RANDOM_BYTES = Math.ceil((ID_TAIL_LENGTH * 5) / 8);

const KEY_MARK = 'bln';
const PUBLIC_PREFIX_LENGTH = 12;
const PUBLIC_PREFIX_BYTES = Math.ceil((PUBLIC_PREFIX_LENGTH * 5) / 8);
const SECRET_BYTES = 32;
/** Random bytes that one API-key secret takes. */
export const KEY_RANDOM_BYTES = PUBLIC_PREFIX_BYTES + SECRET_BYTES;

/** Bits from the front of `bytes`, `bitsEach` to a character; a last incomplete group is filled with zeros. */
function spell(bytes: Uint8Array, alphabet: string, bitsEach: number, length: number): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  let at = 0;
  while (text.length < length) {
    if (bits < bitsEach) {
      buffer = ((buffer << 8) | (bytes[at++] ?? 0)) & 0xffff;
      bits += 8;
    }
    bits -= bitsEach;
    text += alphabet[(buffer >> bits) & ((1 << bitsEach) - 1)];
  }
  return text;
}

function demand(bytes: Uint8Array, count: number): void {
  if (bytes.length < count)
    throw new RangeError(`${count} random bytes are needed, ${bytes.length} were given`);
}

/**
 * An id of 20 lower-case letters and digits, the first three by what it names.
 * in: at least `ID_RANDOM_BYTES` random bytes.
 */
export function makeId(kind: IdKind, bytes: Uint8Array): string {
  demand(bytes, ID_RANDOM_BYTES);
  return PREFIXES[kind] + spell(bytes, ALPHABET, 5, ID_TAIL_LENGTH);
}

/**
 * Whether a text can be an id: 1–50 Latin letters, digits and hyphens, beginning with a letter or digit.
 * Hyphens are for the ids that are words: `standard-images`.
 */
export function isWellFormedId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,49}$/.test(text);
}

/** A secret as its holder has it: an API key is `bln_<12 characters, public>_<43 characters base64url, secret>`. */
export interface KeySecret {
  /** The whole text: what is shown once, and what is hashed. */
  readonly text: string;
  /** Finds the row; may be shown and logged. */
  readonly publicPrefix: string;
  readonly secret: string;
}

/** in: at least `KEY_RANDOM_BYTES` random bytes; none of them serves both the public and the secret part. */
export function makeSecret(bytes: Uint8Array): KeySecret {
  demand(bytes, KEY_RANDOM_BYTES);
  const publicPrefix = spell(bytes, ALPHABET, 5, PUBLIC_PREFIX_LENGTH);
  const secretBytes = bytes.subarray(PUBLIC_PREFIX_BYTES, KEY_RANDOM_BYTES);
  const secret = spell(secretBytes, BASE64URL, 6, Math.ceil((SECRET_BYTES * 8) / 6));
  return { text: `${KEY_MARK}_${publicPrefix}_${secret}`, publicPrefix, secret };
}

/** The parts of an API key; undefined for a text that no key looks like. */
export function parseSecret(text: string): KeySecret | undefined {
  const match = /^bln_([0-9a-v]{12})_([A-Za-z0-9_-]{43})$/.exec(text);
  if (match === null) return undefined;
  return { text, publicPrefix: match[1]!, secret: match[2]! };
}

const TOKEN_MARK = 't1';
const TOKEN_SECRET_BYTES = 64;
/** Random bytes that one IAM token takes. */
export const TOKEN_RANDOM_BYTES = PUBLIC_PREFIX_BYTES + TOKEN_SECRET_BYTES;

/**
 * An IAM token, `t1.<12 characters, public>.<86 characters base64url, secret>`.
 * in: at least `TOKEN_RANDOM_BYTES` random bytes.
 */
export function makeToken(bytes: Uint8Array): KeySecret {
  demand(bytes, TOKEN_RANDOM_BYTES);
  const publicPrefix = spell(bytes, ALPHABET, 5, PUBLIC_PREFIX_LENGTH);
  const secretBytes = bytes.subarray(PUBLIC_PREFIX_BYTES, TOKEN_RANDOM_BYTES);
  const secret = spell(secretBytes, BASE64URL, 6, Math.ceil((TOKEN_SECRET_BYTES * 8) / 6));
  return { text: `${TOKEN_MARK}.${publicPrefix}.${secret}`, publicPrefix, secret };
}

/** The parts of an IAM token; undefined for a text that no token looks like. */
export function parseToken(text: string): KeySecret | undefined {
  const match = /^t1\.([0-9a-v]{12})\.([A-Za-z0-9_-]{86})$/.exec(text);
  if (match === null) return undefined;
  return { text, publicPrefix: match[1]!, secret: match[2]! };
}
