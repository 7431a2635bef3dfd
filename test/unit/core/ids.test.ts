import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  ID_RANDOM_BYTES,
  type IdKind,
  isWellFormedId,
  KEY_RANDOM_BYTES,
  makeId,
  makeSecret,
  makeToken,
  parseSecret,
  parseToken,
  TOKEN_RANDOM_BYTES,
} from '../../../core/ids.ts';

const ones = (count: number) => new Uint8Array(count).fill(0xff);

describe('ids', () => {
  const kinds: [IdKind, string][] = [
    ['image', 'fd8'],
    ['operation', 'fd8'],
    ['layer', 'fd8'],
    ['cloud', 'b1g'],
    ['folder', 'b1g'],
    ['serviceAccount', 'aje'],
    ['apiKey', 'aje'],
  ];
  it.each(kinds)('of a %s begin with %s and have 20 characters', (kind, prefix) => {
    const id = makeId(kind, randomBytes(ID_RANDOM_BYTES));
    expect(id).toMatch(/^[a-z0-9]{20}$/);
    expect(id.slice(0, 3)).toBe(prefix);
    expect(isWellFormedId(id)).toBe(true);
  });

  it('spell all bytes that they are given', () => {
    expect(makeId('image', new Uint8Array(ID_RANDOM_BYTES))).toBe('fd800000000000000000');
    expect(makeId('image', ones(ID_RANDOM_BYTES))).toBe('fd8vvvvvvvvvvvvvvvvv');
    for (let index = 0; index < ID_RANDOM_BYTES; index += 1) {
      const bytes = new Uint8Array(ID_RANDOM_BYTES);
      bytes[index] = 0xff;
      expect(makeId('image', bytes), `byte ${index}`).not.toBe('fd800000000000000000');
    }
  });

  it('are refused with too few random bytes', () => {
    expect(() => makeId('image', new Uint8Array(ID_RANDOM_BYTES - 1))).toThrow('11 random bytes are needed');
  });

  it.each([
    ['fd8abc', true],
    ['standard-images', true],
    ['default', true],
    ['local', true],
    ['A1', true],
    ['x'.repeat(50), true],
    ['x'.repeat(51), false],
    ['', false],
    ['-a', false],
    ['a_b', false],
    ['a b', false],
    ['a/b', false],
    ['образ', false],
    ['a\n', false],
  ])('well-formed: %j is %s', (text, answer) => {
    expect(isWellFormedId(text)).toBe(answer);
  });
});

describe('API-key secrets', () => {
  it('write their secret bytes as base64url', () => {
    const bytes = randomBytes(KEY_RANDOM_BYTES);
    const key = makeSecret(bytes);
    expect(key.secret).toBe(bytes.subarray(8).toString('base64url'));
    expect(key.text).toBe(`bln_${key.publicPrefix}_${key.secret}`);
    expect(key.text).toHaveLength(60);
  });

  it('come back whole from their text', () => {
    for (const bytes of [new Uint8Array(KEY_RANDOM_BYTES), ones(KEY_RANDOM_BYTES), randomBytes(64)]) {
      const key = makeSecret(bytes);
      expect(parseSecret(key.text)).toEqual(key);
    }
  });

  it('are refused with too few random bytes', () => {
    expect(() => makeSecret(new Uint8Array(KEY_RANDOM_BYTES - 1))).toThrow(RangeError);
  });

  const valid = makeSecret(ones(KEY_RANDOM_BYTES)).text;
  it.each([
    '',
    'bln_',
    valid.slice(0, -1),
    `${valid}A`,
    `${valid}\n`,
    ` ${valid}`,
    valid.replace('bln_', 'BLN_'),
    valid.replace('bln_v', 'bln_z'),
    valid.replace(/_(?=_)/, '='),
    `x${valid.slice(1)}`,
  ])('malformed: %j', (text) => {
    expect(parseSecret(text)).toBeUndefined();
  });
});

describe('IAM tokens', () => {
  it('have the form that clients of the original look for', () => {
    for (const bytes of [
      new Uint8Array(TOKEN_RANDOM_BYTES),
      ones(TOKEN_RANDOM_BYTES),
      randomBytes(TOKEN_RANDOM_BYTES),
    ]) {
      const token = makeToken(bytes);
      expect(token.text).toMatch(/^t1\.[A-Z0-9a-z_-]+[=]{0,2}\.[A-Z0-9a-z_-]{86}[=]{0,2}$/);
      expect(token.secret).toBe(Buffer.from(bytes).subarray(8).toString('base64url'));
      expect(parseToken(token.text)).toEqual(token);
    }
  });

  it('are refused with too few random bytes', () => {
    expect(() => makeToken(new Uint8Array(TOKEN_RANDOM_BYTES - 1))).toThrow(RangeError);
  });

  const valid = makeToken(ones(TOKEN_RANDOM_BYTES)).text;
  it.each([
    '',
    't1.',
    valid.slice(0, -1),
    `${valid}A`,
    `${valid}\n`,
    valid.replace('t1.v', 't1.z'),
    `x${valid}`,
  ])('malformed: %j', (text) => {
    expect(parseToken(text)).toBeUndefined();
  });
});
