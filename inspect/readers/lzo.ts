/**
 * LZO1X decompression into a known room (Linux `Documentation/staging/lzo.rst`, "LZO stream format as understood by
 * Linux' LZO decompressor"). `undefined` when the input is cut, refers before its beginning or is larger than the room.
 */
import { u8, u16le, whole } from './bytes.ts';

/** What the last instruction left: no literals, one to three of them, or a run of four and more. */
const AFTER_RUN = 4;
const END_DISTANCE = 16384;

interface Cursor {
  readonly input: Uint8Array;
  at: number;
}

export function unlzo(input: Uint8Array, size: number): Uint8Array | undefined {
  return whole(() => decode({ input, at: 0 }, new Uint8Array(size)));
}

function decode(from: Cursor, output: Uint8Array): Uint8Array | undefined {
  let out = 0;
  let state = 0;
  const literals = (count: number): boolean => {
    if (count > output.length - out || count > from.input.length - from.at) return false;
    output.set(from.input.subarray(from.at, from.at + count), out);
    from.at += count;
    out += count;
    return true;
  };
  const match = (distance: number, length: number): boolean => {
    if (distance > out || length > output.length - out) return false;
    // Byte by byte: a match may overlap what it writes.
    for (let i = 0; i < length; i++, out++) output[out] = output[out - distance]!;
    return true;
  };

  const first = u8(from.input, 0);
  if (first > 17) {
    from.at = 1;
    if (!literals(first - 17)) return undefined;
    state = Math.min(first - 17, AFTER_RUN);
  }
  for (;;) {
    const op = next(from);
    if (op < 16 && state === 0) {
      if (!literals(3 + lengthOf(op, 15, from))) return undefined;
      state = AFTER_RUN;
      continue;
    }
    let distance: number;
    let length: number;
    let trailing = op & 3;
    if (op < 16) {
      length = state === AFTER_RUN ? 3 : 2;
      distance = (next(from) << 2) + (op >> 2) + (state === AFTER_RUN ? 2049 : 1);
    } else if (op < 64) {
      const far = op < 32;
      length = 2 + lengthOf(op & (far ? 7 : 31), far ? 7 : 31, from);
      const word = u16le(from.input, from.at);
      from.at += 2;
      trailing = word & 3;
      distance = (word >> 2) + (far ? END_DISTANCE + ((op & 8) << 11) : 1);
      if (distance === END_DISTANCE && far) return output.subarray(0, out);
    } else {
      length = op < 128 ? 3 + ((op >> 5) & 1) : 5 + ((op >> 5) & 3);
      distance = (next(from) << 3) + ((op >> 2) & 7) + 1;
    }
    if (!match(distance, length) || !literals(trailing)) return undefined;
    state = trailing;
  }
}

function next(from: Cursor): number {
  const byte = u8(from.input, from.at);
  from.at += 1;
  return byte;
}

/** A length too large for its field is zero there and goes on behind: 255 for each zero byte, then the rest. */
function lengthOf(field: number, most: number, from: Cursor): number {
  if (field !== 0) return field;
  let length = most;
  let byte = next(from);
  while (byte === 0) {
    length += 255;
    byte = next(from);
  }
  return length + byte;
}
