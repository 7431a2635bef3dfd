/**
 * SHA-256 (FIPS 180-4) that can be put down and taken up again: a digest over a large layer is worked out in
 * slices, and between them its state is JSON in the row of the job. The platform's own digests cannot be saved.
 */

const BLOCK_BYTES = 64;

/** FIPS 180-4, 4.2.2. */
const ROUND_CONSTANTS = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);

/** FIPS 180-4, 5.3.3. */
const INITIAL_WORDS = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/** The message schedule of the block at hand; nothing of it outlives a call. */
const schedule = new Int32Array(64);

/** What has been worked out so far; plain JSON. */
export interface Sha256State {
  /** Eight signed words of 32 bits. */
  readonly words: readonly number[];
  /** The bytes after the last whole block, at most 63. */
  readonly pending: readonly number[];
  /** All bytes so far, the pending ones included. */
  readonly lengthBytes: number;
}

export class Sha256 {
  private readonly words: Int32Array;
  private readonly pending: Uint8Array;
  private lengthBytes: number;

  /** in: nothing to begin, or what `save` gave. errors: RangeError for a state that no digest can be in. */
  constructor(state?: Sha256State) {
    this.words = new Int32Array(state?.words ?? INITIAL_WORDS);
    this.pending = new Uint8Array(BLOCK_BYTES);
    this.pending.set((state?.pending ?? []).slice(0, BLOCK_BYTES));
    this.lengthBytes = state?.lengthBytes ?? 0;
    if (state !== undefined && !isState(state)) throw new RangeError('this is no saved state of a SHA-256');
  }

  update(bytes: Uint8Array): void {
    const filled = this.lengthBytes % BLOCK_BYTES;
    this.lengthBytes += bytes.length;
    let from = 0;
    if (filled > 0) {
      from = Math.min(BLOCK_BYTES - filled, bytes.length);
      this.pending.set(bytes.subarray(0, from), filled);
      if (filled + from < BLOCK_BYTES) return;
      compress(this.words, this.pending, 0, BLOCK_BYTES);
    }
    const whole = from + Math.floor((bytes.length - from) / BLOCK_BYTES) * BLOCK_BYTES;
    compress(this.words, bytes, from, whole);
    this.pending.set(bytes.subarray(whole));
  }

  /** The digest of all bytes so far, as 64 lower-case hexadecimal digits; more bytes may follow. */
  digestHex(): string {
    const filled = this.lengthBytes % BLOCK_BYTES;
    // A one bit, zeros, and the length in bits in the last eight bytes of a block (5.1.1).
    const tail = new Uint8Array(filled < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES);
    tail.set(this.pending.subarray(0, filled));
    tail[filled] = 0x80;
    const view = new DataView(tail.buffer);
    view.setBigUint64(tail.length - 8, BigInt(this.lengthBytes) * 8n);
    const words = Int32Array.from(this.words);
    compress(words, tail, 0, tail.length);
    return [...words].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  save(): Sha256State {
    const filled = this.lengthBytes % BLOCK_BYTES;
    return {
      words: [...this.words],
      pending: [...this.pending.subarray(0, filled)],
      lengthBytes: this.lengthBytes,
    };
  }
}

function isState({ words, pending, lengthBytes }: Sha256State): boolean {
  return (
    words.length === 8 &&
    words.every((word) => (word | 0) === word) &&
    pending.every((byte) => (byte & 0xff) === byte) &&
    Number.isSafeInteger(lengthBytes) &&
    lengthBytes >= 0 &&
    pending.length === lengthBytes % BLOCK_BYTES
  );
}

/**
 * The whole blocks from `from` to `to`, one call each: an engine puts compiled code to use at the next call. One long
 * loop over a range was at times left to the interpreter on a busy machine, at a hundredth of the speed.
 */
function compress(words: Int32Array, bytes: Uint8Array, from: number, to: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = from; block < to; block += BLOCK_BYTES) compressBlock(words, view, block);
}

/** FIPS 180-4, 6.2.2. Written for speed: every byte of a layer comes by. */
function compressBlock(words: Int32Array, view: DataView, block: number): void {
  const w = schedule;
  const k = ROUND_CONSTANTS;
  for (let t = 0, at = block; t < 16; t += 1, at += 4) {
    w[t] = view.getInt32(at);
  }
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15]!;
    const y = w[t - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0;
  }
  let a = words[0]!;
  let b = words[1]!;
  let c = words[2]!;
  let d = words[3]!;
  let e = words[4]!;
  let f = words[5]!;
  let g = words[6]!;
  let h = words[7]!;
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + k[t]! + w[t]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  words[0]! += a;
  words[1]! += b;
  words[2]! += c;
  words[3]! += d;
  words[4]! += e;
  words[5]! += f;
  words[6]! += g;
  words[7]! += h;
}
