/** Mutants of good files, the same for the same seed. */

/** A generator of numbers in [0, 1) (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values at which fields of tables and headers turn over. */
const EDGES = [
  0n,
  1n,
  2n,
  3n,
  0x7fn,
  0x80n,
  0x1ffn,
  0x200n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 53n,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/**
 * Changes one to three places of a copy: a bit, a byte, a field of 4 or 8 bytes in either order, a copied stretch, or
 * the length. `hot` are stretches [start, end) that most changes go to.
 */
export function mutant(
  original: Uint8Array,
  hot: readonly (readonly [number, number])[],
  next: () => number,
): Uint8Array {
  let bytes = original.slice();
  const below = (limit: number) => Math.floor(next() * limit);
  const place = (length: number) => {
    const [start, end] = next() < 0.9 ? hot[below(hot.length)]! : [0, bytes.length];
    return Math.max(0, Math.min(start + below(end - start), bytes.length - length));
  };
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const view = new DataView(bytes.buffer);
    const edge = EDGES[below(EDGES.length)]!;
    const kind = below(8);
    if (kind === 0) {
      const at = place(1);
      view.setUint8(at, view.getUint8(at) ^ (1 << below(8)));
    } else if (kind === 1) view.setUint8(place(1), below(256));
    else if (kind === 2) view.setUint32(place(4) & ~3, Number(edge & 0xffffffffn), next() < 0.5);
    else if (kind === 3) view.setBigUint64(place(8) & ~7, edge, next() < 0.5);
    else if (kind === 4) view.setBigUint64(place(8) & ~7, BigInt(below(bytes.length * 2)), next() < 0.5);
    else if (kind === 5) view.setUint32(place(4) & ~3, below(bytes.length / 256), next() < 0.5);
    else if (kind === 6) bytes.copyWithin(place(64), place(64), place(64) + 8 + below(56));
    else if (next() < 0.2) bytes = bytes.slice(0, Math.max(1, below(bytes.length)));
  }
  return bytes;
}
