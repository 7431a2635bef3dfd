import { describe, expect, it } from 'vitest';
import { differenceOf, type Facts, MAX_SIDE_LENGTH } from '../../../core/audit.ts';

type Side = Record<string, unknown> | null;

describe('the difference between two records', () => {
  it.each<[string, Facts | undefined, Facts | undefined, Side, Side]>([
    ['what was made', undefined, { name: 'a', family: '' }, null, { name: 'a', family: '' }],
    ['what is gone', { name: 'a', labels: null }, undefined, { name: 'a' }, null],
    ['nothing known of either', undefined, undefined, null, null],
    ['a field', { name: 'a', family: 'f' }, { name: 'b', family: 'f' }, { name: 'a' }, { name: 'b' }],
    ['no field', { name: 'a' }, { name: 'a' }, {}, {}],
    ['a field that is set', { note: null }, { note: 'n' }, {}, { note: 'n' }],
    ['a field that is taken off', { note: 'n' }, {}, { note: 'n' }, {}],
    [
      'false and zero',
      { on: true, size: 1 },
      { on: false, size: 0 },
      { on: true, size: 1 },
      { on: false, size: 0 },
    ],
    [
      'a nested value, whole',
      { labels: { a: '1', b: '2' } },
      { labels: { a: '1', b: '3' } },
      { labels: { a: '1', b: '2' } },
      { labels: { a: '1', b: '3' } },
    ],
    ['the order of members', { labels: { a: '1', b: '2' } }, { labels: { b: '2', a: '1' } }, {}, {}],
    [
      'the order of items',
      { scopes: ['a', 'b'] },
      { scopes: ['b', 'a'] },
      { scopes: ['a', 'b'] },
      { scopes: ['b', 'a'] },
    ],
    [
      'what the registry keeps for itself',
      { revision: 1, lastUsedAt: 1 },
      { revision: 2, lastUsedAt: 2 },
      {},
      {},
    ],
  ])('%s', (_, before, after, was, is) => {
    expect(differenceOf(before, after)).toEqual({ before: was, after: is });
  });

  it.each([
    'secret',
    'secretHash',
    'maskedSecret',
    'privateKey',
    'private_key',
    'password',
    'iamToken',
    'jwt',
    'jwks',
    'sourceUri',
  ])('never holds %s, at whatever depth', (name) => {
    const made = {
      id: 'x',
      [name]: 'hidden',
      nested: { [name]: 'hidden', list: [{ [name]: 'hidden', n: 1 }] },
    };
    expect(differenceOf(undefined, made).after).toEqual({ id: 'x', nested: { list: [{ n: 1 }] } });
  });

  it('holds what is public of keys', () => {
    const made = { publicKey: 'PEM', jwksUrl: 'https://issuer.example/keys', audiences: ['a'] };
    expect(differenceOf(undefined, made).after).toEqual(made);
  });

  it.each([
    ['https://host/disk.img?signature=hidden', 'https://host/disk.img'],
    ['https://host/disk.img#hidden', 'https://host/disk.img'],
    ['https://user:hidden@host/a@b?x', 'https://host/a@b'],
    ['https://host/a\n?hidden\nhidden', 'https://host/a\n'],
    ['not a link', 'not a link'],
  ])('of the link %j keeps %j', (uri, kept) => {
    const { after } = differenceOf(undefined, { source: { kind: 'uri', uri }, url: uri });
    expect(after).toEqual({ source: { kind: 'uri', uri: kept }, url: kept });
  });

  it('leaves the length of what is too long, and keeps what fits', () => {
    const long = 'x'.repeat(MAX_SIDE_LENGTH);
    expect(differenceOf({ name: 'a', long, note: 'n' }, { name: 'b', long: '', note: 'm' })).toEqual({
      before: { name: 'a', long: { omittedCharacters: MAX_SIDE_LENGTH + 2 }, note: 'n' },
      after: { name: 'b', long: '', note: 'm' },
    });
  });

  it('keeps as many bindings as one call may set', () => {
    const binding = {
      roleId: 'resource-manager.clouds.owner',
      subject: { type: 'serviceAccount', id: 'a'.repeat(20) },
    };
    const after = { accessBindings: Array.from({ length: 1000 }, () => binding) };
    expect(differenceOf({}, after).after).toEqual(after);
  });
});
