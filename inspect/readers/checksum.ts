/** Cyclic redundancy checks over bytes, bit-reflected. */

function tableOf(polynomial: number): Uint32Array {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    table[i] = value >>> 0;
  }
  return table;
}

const CRC32 = tableOf(0xedb88320);
const CRC32C = tableOf(0x82f63b78);

function run(table: Uint32Array, start: number, bytes: Uint8Array): number {
  let state = start;
  for (const byte of bytes) state = (state >>> 8) ^ table[(state ^ byte) & 0xff]!;
  return state >>> 0;
}

/** CRC-32 as zlib and GPT use it: starts with all ones, inverted at the end. */
export function crc32(bytes: Uint8Array): number {
  return ~run(CRC32, 0xffffffff, bytes) >>> 0;
}

/** The polynomial of CRC-32 with another start and no inversion at the end, as LVM2 uses it. */
export function crc32From(start: number, bytes: Uint8Array): number {
  return run(CRC32, start, bytes);
}

/** CRC-32C with a given start and no inversion at the end, as btrfs hashes names. */
export function crc32cFrom(start: number, bytes: Uint8Array): number {
  return run(CRC32C, start, bytes);
}
