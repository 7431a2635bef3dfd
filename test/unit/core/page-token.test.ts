import { describe, expect, it } from 'vitest';
import { decodePageToken, encodePageToken, type PagePosition } from '../../../core/page-token.ts';

const QUERY = ['images', 'b1gfolder', 'name != "x"', 'name asc'];
const ID = 'fd8abcdefghij0123456';

describe('page tokens', () => {
  const positions: PagePosition[] = [
    { value: ID, id: ID },
    { value: '', id: ID },
    { value: 'a'.repeat(63), id: ID },
    { value: 'my_image-2', id: ID },
    { value: 'READY', id: ID },
    { value: 'compute.images.count', id: '' },
    { value: 1_750_662_821_000, id: ID },
    { value: 0, id: ID },
    { value: -1, id: ID },
    { value: Number.MAX_SAFE_INTEGER, id: ID },
    { value: 'standard-images', id: 'standard-images' },
  ];
  it.each(positions)('$value', (position) => {
    const token = encodePageToken(QUERY, position);
    expect(token).toMatch(/^[A-Za-z0-9._~-]{1,100}$/);
    expect(decodePageToken(QUERY, token)).toEqual(position);
  });

  const token = encodePageToken(QUERY, { value: 'my-image', id: ID });

  it.each([
    ['another kind', ['disks', ...QUERY.slice(1)]],
    ['another folder', [QUERY[0]!, 'b1gother', ...QUERY.slice(2)]],
    ['another filter', [...QUERY.slice(0, 2), '', QUERY[3]!]],
    ['another order', [...QUERY.slice(0, 3), 'name desc']],
    ['the same texts cut elsewhere', [QUERY.slice(0, 2).join(''), ...QUERY.slice(2)]],
    ['one thing more', [...QUERY, '']],
  ])('of %s are refused', (_, query) => {
    expect(() => decodePageToken(query, token)).toThrow('PageToken: is not a token of this list');
  });

  it('are refused with any character changed, missing or too many', () => {
    for (let at = 0; at < token.length; at += 1) {
      const changed = token[at] === 'a' ? 'b' : 'a';
      const damaged = [
        token.slice(0, at) + changed + token.slice(at + 1),
        token.slice(0, at) + token.slice(at + 1),
        token.slice(0, at) + changed + token.slice(at),
      ];
      for (const text of damaged) {
        expect(() => decodePageToken(QUERY, text), text).toThrow('PageToken');
      }
    }
  });

  it.each(['', 'x', 'образ', ' ', `${token} `, 'a'.repeat(101), `${token}${'a'.repeat(100)}`])(
    '%j is refused',
    (text) => {
      expect(() => decodePageToken(QUERY, text)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    },
  );

  it.each<PagePosition>([
    { value: 'a b', id: ID },
    { value: 'a', id: 'x.y' },
    { value: 1.5, id: ID },
    { value: 'a'.repeat(67), id: ID },
  ])('cannot hold $value', (position) => {
    expect(() => encodePageToken(QUERY, position)).toThrow(RangeError);
  });
});
