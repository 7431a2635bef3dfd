import { describe, expect, it } from 'vitest';
import { covers, OutOfBounds, u16be, u32le, u64be, u64le, whole } from '../../../inspect/readers/bytes.ts';
import { crc32, crc32cFrom, crc32From } from '../../../inspect/readers/checksum.ts';
import { label, utf8, utf8Bytes, utf16 } from '../../../inspect/readers/text.ts';
import { guidOf, uuidOf } from '../../../inspect/readers/uuid.ts';

const ascii = (text: string) => Uint8Array.from(Buffer.from(text));

describe('integers', () => {
  const bytes = Uint8Array.from([0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8]);

  it('are read unsigned in both orders', () => {
    expect(u16be(bytes, 0)).toBe(0xfffe);
    expect(u32le(bytes, 1)).toBe(0xfbfcfdfe);
    expect(u64le(bytes, 0)).toBe(0xf8f9fafbfcfdfeffn);
    expect(u64be(bytes, 0)).toBe(0xfffefdfcfbfaf9f8n);
  });

  it.each([-1, 5, 8, Number.NaN, Number.POSITIVE_INFINITY, 1.5])(
    'are not read outside the bytes: at %d',
    (at) => {
      expect(() => u32le(bytes, at)).toThrow(OutOfBounds);
      expect(whole(() => u32le(bytes, at))).toBeUndefined();
    },
  );

  it('are bounded without sums that overflow', () => {
    expect(covers(100, 100, 0)).toBe(true);
    expect(covers(100, 1, 100)).toBe(false);
    expect(covers(100, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(covers(100, Number.POSITIVE_INFINITY, 1)).toBe(false);
    expect(covers(100, 0, Number.NaN)).toBe(false);
  });
});

describe('checksums', () => {
  it('are those that their makers give', () => {
    expect(crc32(ascii('123456789'))).toBe(0xcbf43926);
    expect(~crc32cFrom(0xffffffff, ascii('123456789')) >>> 0).toBe(0xe3069283);
    expect(crc32cFrom(0xfffffffe, ascii('default'))).toBe(0x8dbfc2d2);
    expect(crc32From(0xffffffff, ascii('123456789'))).toBe(~0xcbf43926 >>> 0);
  });
});

describe('text', () => {
  it.each(['', 'plain', 'Größe', '☃ 日本', '😀', '\u0000\u007f'])('goes to UTF-8 and back: %j', (text) => {
    expect(utf8Bytes(text)).toEqual(ascii(text));
    expect(utf8(ascii(text))).toBe(text);
  });

  it.each([
    [[0xff], '\ufffd'],
    [[0xc0, 0x80], '\ufffd\ufffd'],
    [[0xe0, 0x80, 0x80, 0x41], '\ufffd\ufffd\ufffdA'],
    [[0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'],
    [[0xf4, 0x90, 0x80, 0x80], '\ufffd\ufffd\ufffd\ufffd'],
    [[0xe2, 0x98], '\ufffd\ufffd'],
  ])('shows that bytes are no UTF-8: %j', (bytes, text) => {
    expect(utf8(Uint8Array.from(bytes))).toBe(text);
  });

  it('is read from UTF-16 up to its end', () => {
    expect(utf16(Buffer.from('aö😀\0rest', 'utf16le'), 'LE')).toBe('aö😀');
    expect(utf16(Uint8Array.from([0, 0x61, 0xd8, 0, 0, 0x62]), 'BE')).toBe('a\ufffdb');
  });

  it('of a label ends at its NUL and steers nothing', () => {
    expect(label(ascii(' data\u0000old'))).toBe('data');
    expect(label(ascii('a\u001b[31mb\u202ec\u0085d'))).toBe('a[31mbcd');
    expect(label(ascii('  \u0000'))).toBeUndefined();
  });
});

describe('identifiers', () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

  it('are printed in their order, GUIDs with their first groups turned', () => {
    expect(uuidOf(bytes, 0)).toBe('a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf');
    expect(guidOf(bytes, 0)).toBe('A3A2A1A0-A5A4-A7A6-A8A9-AAABACADAEAF');
    expect(uuidOf(new Uint8Array(16), 0)).toBeUndefined();
  });
});
