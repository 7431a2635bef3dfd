import { slice } from './bytes.ts';

function hex(bytes: Iterable<number>): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function dashed(text: string): string {
  return [8, 12, 16, 20].reduceRight((rest, at) => `${rest.slice(0, at)}-${rest.slice(at)}`, text);
}

/** Lower-case hexadecimal digits of `length` bytes in their order. */
export function hexOf(bytes: Uint8Array, offset: number, length: number): string {
  return hex(slice(bytes, offset, length));
}

/** Sixteen bytes in their order as a UUID in lower case; `undefined` when all are zero. */
export function uuidOf(bytes: Uint8Array, offset: number): string | undefined {
  const raw = slice(bytes, offset, 16);
  return raw.every((byte) => byte === 0) ? undefined : dashed(hex(raw));
}

/** A GUID as UEFI stores it, its first three groups little-endian, in upper case (UEFI 2.10, appendix A). */
export function guidOf(bytes: Uint8Array, offset: number): string {
  const b = slice(bytes, offset, 16);
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return dashed(hex(order.map((i) => b[i]!))).toUpperCase();
}
