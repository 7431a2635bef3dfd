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
 * Decompresses zstd frames from the start of `input` until `size` bytes are out or no frame follows; what follows
 * is ignored (RFC 8878, section 3.1). `undefined` when a frame is damaged, cut, wants a dictionary or a window of
 * more than 8 MiB, or when more than `size` bytes come out.
 */
export function unzstd(input: Uint8Array, size: number): Decompressed | undefined {
  const output = new Uint8Array(size);
  let out = 0;
  let overflow = false;
  let at = 0;
  for (let frames = 0; frames < MAX_FRAMES && out < size; frames++) {
    const length = zstdFrameLength(input, at);
    if (length === undefined) break;
    const decoder = new Decompress((chunk) => {
      overflow ||= chunk.length > size - out;
      if (overflow) return;
      output.set(chunk, out);
      out += chunk.length;
    });
    try {
      const frame = input.subarray(at, at + length);
      // In small steps, so that a frame that says too much is left after little work.
      for (let done = 0; done < frame.length && !overflow; done += STEP_BYTES) {
        decoder.push(frame.subarray(done, done + STEP_BYTES), done + STEP_BYTES >= frame.length);
      }
    } catch {
      return undefined;
    }
    if (overflow) return undefined;
    at += length;
  }
  return at === 0 ? undefined : { bytes: output.subarray(0, out), ended: true };
}

const STEP_BYTES = 64 * 1024;
/** RFC 8878, section 3.1.1.2.4: no block's content is larger. */
const MAX_BLOCK_BYTES = 128 * 1024;

/** Length of the zstd frame at `at` by its block headers; `undefined` when there is none that may be decoded. */
function zstdFrameLength(input: Uint8Array, at: number): number | undefined {
  if (!covers(input.length, at, 6) || u32le(input, at) !== ZSTD_MAGIC) return undefined;
  const descriptor = u8(input, at + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = descriptor & 3;
  if (dictionary !== 0 || (descriptor & 0x08) !== 0) return undefined;
  let next = at + 5;
  if (!singleSegment) {
    const window = u8(input, next);
    const base = 2 ** (10 + (window >> 3));
    if (base + (base / 8) * (window & 7) > MAX_WINDOW_BYTES) return undefined;
    next += 1;
  }
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  if (!covers(input.length, next, sizeBytes)) return undefined;
  if (singleSegment) {
    let content = sizeBytes === 2 ? 256 : 0;
    for (let i = sizeBytes - 1, value = 0; i >= 0; i--) {
      value = value * 256 + input[next + i]!;
      if (i === 0) content += value;
    }
    if (content > MAX_WINDOW_BYTES) return undefined;
  }
  next += sizeBytes;
  for (;;) {
    if (!covers(input.length, next, 3)) return undefined;
    const block = u8(input, next) | (u8(input, next + 1) << 8) | (u8(input, next + 2) << 16);
    const type = (block >> 1) & 3;
    const length = block >> 3;
    if (type === 3 || length > MAX_BLOCK_BYTES) return undefined;
    next += 3 + (type === 1 ? 1 : length);
    if (next > input.length) return undefined;
    if ((block & 1) === 1) break;
  }
  if ((descriptor & 0x04) !== 0) next += 4;
  return next <= input.length ? next - at : undefined;
}
