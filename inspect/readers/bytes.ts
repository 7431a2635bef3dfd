/**
 * Integers out of bytes. Every function throws `OutOfBounds` when the field does not lie wholly inside the bytes,
 * so that a parser reads straight on and one `whole()` around it turns a short structure into `undefined`.
 */

/** A field lies outside the bytes at hand: the structure is cut or its own offsets are wrong. */
export class OutOfBounds extends Error {
  override readonly name = 'OutOfBounds';
}

/** Runs a parser over bytes; `undefined` when it ran out of them. Any other exception passes. */
export function whole<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof OutOfBounds) return undefined;
    throw error;
  }
}

/** Whether `length` bytes from `offset` lie inside `size`, without a sum that could leave the safe integers. */
export function covers(size: number, offset: number, length: number): boolean {
  return offset >= 0 && length >= 0 && offset <= size && length <= size - offset;
}

function demand(bytes: Uint8Array, offset: number, length: number): void {
  if (!Number.isInteger(offset) || !covers(bytes.length, offset, length)) {
    throw new OutOfBounds(`${length} bytes at ${offset} of ${bytes.length}`);
  }
}

/** A view of `length` bytes from `offset`. */
export function slice(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  demand(bytes, offset, length);
  return bytes.subarray(offset, offset + length);
}

export function u8(bytes: Uint8Array, offset: number): number {
  demand(bytes, offset, 1);
  return bytes[offset]!;
}

export function u16le(bytes: Uint8Array, offset: number): number {
  demand(bytes, offset, 2);
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}

export function u16be(bytes: Uint8Array, offset: number): number {
  demand(bytes, offset, 2);
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

export function u32le(bytes: Uint8Array, offset: number): number {
  demand(bytes, offset, 4);
  const low = bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16);
  return (low | (bytes[offset + 3]! << 24)) >>> 0;
}

export function u32be(bytes: Uint8Array, offset: number): number {
  demand(bytes, offset, 4);
  const high = (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8);
  return (high | bytes[offset + 3]!) >>> 0;
}

export function u64le(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(u32le(bytes, offset + 4)) << 32n) | BigInt(u32le(bytes, offset));
}

export function u64be(bytes: Uint8Array, offset: number): bigint {
  return (BigInt(u32be(bytes, offset)) << 32n) | BigInt(u32be(bytes, offset + 4));
}

/** The number a 64-bit field stands for; `Infinity` past 2^53, which no size or offset check lets through. */
export function toNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
}

/** Whether the ASCII text `magic` stands at `offset`; false when the bytes end before. */
export function hasAscii(bytes: Uint8Array, offset: number, magic: string): boolean {
  if (!covers(bytes.length, offset, magic.length)) return false;
  for (let i = 0; i < magic.length; i++) if (bytes[offset + i] !== magic.charCodeAt(i)) return false;
  return true;
}

/** Whether these byte values stand at `offset`; false when the bytes end before. */
export function hasBytes(bytes: Uint8Array, offset: number, magic: readonly number[]): boolean {
  if (!covers(bytes.length, offset, magic.length)) return false;
  for (let i = 0; i < magic.length; i++) if (bytes[offset + i] !== magic[i]) return false;
  return true;
}

/** Whether every byte of the range is zero; a range outside the bytes is not. */
export function allZero(bytes: Uint8Array, offset = 0, length = bytes.length - offset): boolean {
  if (!covers(bytes.length, offset, length)) return false;
  for (let i = offset; i < offset + length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Whether two stretches of bytes are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
