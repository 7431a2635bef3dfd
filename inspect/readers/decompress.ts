/**
 * Decompression of one stored piece (a cluster, a grain, an extent) into at most a known number of bytes. What the
 * input says never decides how much memory or time is spent: output stops at the size asked for.
 */
import { Decompress } from 'fzstd';
import { Z_BUF_ERROR, Z_FINISH, Z_OK, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit2 } from 'pako';
import { covers, u8, u32le } from './bytes.ts';

/** What came out, and whether the stream ended by itself rather than at the end of the input or of the room. */
export interface Decompressed {
  readonly bytes: Uint8Array;
  readonly ended: boolean;
}

/** Window bits as zlib counts them: negative is a bare RFC 1951 stream, positive one in RFC 1950's frame. */
const WINDOW_BITS = { raw: -15, zlib: 15 } as const;

/**
 * Inflates from the start of `input` until the stream ends or `size` bytes are out; what follows the stream is
 * ignored. `undefined` when the input is no such stream.
 */
export function inflate(
  input: Uint8Array,
  size: number,
  frame: keyof typeof WINDOW_BITS,
): Decompressed | undefined {
  const stream = new ZStream();
  stream.input = input;
  stream.avail_in = input.length;
  stream.output = new Uint8Array(size);
  stream.avail_out = size;
  if (zlibInflateInit2(stream, WINDOW_BITS[frame]) !== Z_OK) return undefined;
  const status = zlibInflate(stream, Z_FINISH);
  if (status !== Z_STREAM_END && status !== Z_OK && status !== Z_BUF_ERROR) return undefined;
  return { bytes: stream.output.subarray(0, size - stream.avail_out), ended: status === Z_STREAM_END };
}

/** A window above this costs seconds of work and is never needed for pieces this small. */
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;
const ZSTD_MAGIC = 0xfd2fb528;
const MAX_FRAMES = 64;

/**
 * Decompresses zstd frames from the start of `input` until `size` bytes are out, the input ends or no frame follows;
 * what follows is ignored (RFC 8878, section 3.1). `undefined` when there is no frame, one is damaged, wants a
 * dictionary or a window of more than 8 MiB, or when more than `size` bytes come out. Of a frame that the input cuts,
 * whole blocks come out.
 */
export function unzstd(input: Uint8Array, size: number): Decompressed | undefined {
  const output = new Uint8Array(size);
  let out = 0;
  let overflow = false;
  let at = 0;
  let ended = false;
  for (let frames = 0; frames < MAX_FRAMES && out < size && (at === 0 || ended); frames++) {
    const frame = zstdFrame(input, at);
    if (frame === undefined) break;
    const decoder = new Decompress((chunk) => {
      overflow ||= chunk.length > size - out;
      if (overflow) return;
      output.set(chunk, out);
      out += chunk.length;
    });
    try {
      const bytes = input.subarray(at, at + frame.length);
      // In small steps, so that a frame that says too much is left after little work.
      for (let done = 0; done < bytes.length && !overflow; done += STEP_BYTES) {
        const last = done + STEP_BYTES >= bytes.length;
        decoder.push(bytes.subarray(done, done + STEP_BYTES), last && frame.ended);
      }
    } catch {
      return undefined;
    }
    if (overflow) return undefined;
    at += frame.length;
    ended = frame.ended;
  }
  return at === 0 ? undefined : { bytes: output.subarray(0, out), ended };
}

const STEP_BYTES = 64 * 1024;
/** RFC 8878, section 3.1.1.2.4: no block's content is larger. */
const MAX_BLOCK_BYTES = 128 * 1024;

/**
 * The frame at `at` by its block headers: the length of it, or of its whole blocks when the input cuts it.
 * `undefined` when there is none that may be decoded.
 */
function zstdFrame(input: Uint8Array, at: number): { length: number; ended: boolean } | undefined {
  if (!covers(input.length, at, 6) || u32le(input, at) !== ZSTD_MAGIC) return undefined;
  const descriptor = u8(input, at + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const reserved = (descriptor & 0x08) !== 0;
  const dictionary = (descriptor & 3) !== 0;
  if (reserved || dictionary) return undefined;
  let next = at + 5;
  if (!singleSegment) {
    const window = u8(input, next);
    const base = 2 ** (10 + (window >> 3));
    if (base + (base / 8) * (window & 7) > MAX_WINDOW_BYTES) return undefined;
    next += 1;
  }
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  if (!covers(input.length, next, sizeBytes)) return undefined;
  if (singleSegment && contentSize(input.subarray(next, next + sizeBytes)) > MAX_WINDOW_BYTES)
    return undefined;
  next += sizeBytes;
  for (;;) {
    if (!covers(input.length, next, 3)) return { length: next - at, ended: false };
    const block = u8(input, next) | (u8(input, next + 1) << 8) | (u8(input, next + 2) << 16);
    const type = (block >> 1) & 3;
    const length = block >> 3;
    if (type === 3 || length > MAX_BLOCK_BYTES) return undefined;
    const end = next + 3 + (type === 1 ? 1 : length);
    if (end > input.length) return { length: next - at, ended: false };
    next = end;
    if ((block & 1) === 1) break;
  }
  const withSum = next + ((descriptor & 0x04) === 0 ? 0 : 4);
  return withSum > input.length ? { length: next - at, ended: false } : { length: withSum - at, ended: true };
}

/** The content size of a frame, which is its window when it is a single segment; two bytes count from 256. */
function contentSize(field: Uint8Array): number {
  let size = 0;
  for (let i = field.length - 1; i >= 0; i--) size = size * 256 + field[i]!;
  return field.length === 2 ? size + 256 : size;
}
