import { rawDisk } from '../../service/disks.ts';
import { type Asked, rangeHeaders, type ServedFile } from '../../service/setup/file-host.ts';

const MIB = 2 ** 20;
export const PART_BYTES = 8 * MIB;

/** Three parts, accepted. */
export const disk = rawDisk(17 * MIB, 'links');

type Answer = (asked: Asked, file: ServedFile) => void;

/** The question for length and version. */
export const isFirst = ({ last }: Asked) => last === 0;
export const isPart = ({ first, last }: Asked, partNumber: number) =>
  first === (partNumber - 1) * PART_BYTES && last !== 0;

export const honest = (more: Partial<ServedFile> = {}): ServedFile => ({
  bytes: disk,
  etag: '"one"',
  ...more,
});

/** A file whose every answer is this. */
export const answered = (answer: Answer): ServedFile =>
  honest({
    instead(asked, file) {
      answer(asked, file);
      return true;
    },
  });

export const status = (code: number, headers: Record<string, string> = {}): ServedFile =>
  answered(({ response }) => response.writeHead(code, headers).end('not what you want'));

/** A file of which one part is answered in its own way, each time or only so often. */
export function partAnswered(
  partNumber: number,
  answer: Answer,
  times = Number.POSITIVE_INFINITY,
): ServedFile {
  let met = 0;
  return honest({
    instead(asked, file) {
      if (!isPart(asked, partNumber) || met >= times) return false;
      met += 1;
      answer(asked, file);
      return true;
    },
  });
}

/** The second part comes without its length, and so many bytes longer than it is. */
export const partOfLength = (more: number, times?: number): ServedFile =>
  partAnswered(
    2,
    ({ first, last, response }, file) => {
      const { 'Content-Length': _, ...headers } = rangeHeaders(file, first!, last!);
      response.writeHead(206, headers).end(file.bytes.subarray(first, last! + 1 + more));
    },
    times,
  );

/** The connection ends within the second part. */
export const breaksOff = (times?: number): ServedFile =>
  partAnswered(
    2,
    ({ first, last, request, response }, file) => {
      response.writeHead(206, rangeHeaders(file, first!, last!));
      response.write(file.bytes.subarray(first, first! + MIB), () => request.socket.destroy());
    },
    times,
  );

/** Honest answers with other headers, from the first answer or from the second part on. */
export const withHeaders = (more: Record<string, string>, from: 'first' | 'second'): ServedFile =>
  honest({
    instead({ first, last, response }, file) {
      if (first === undefined || last === undefined || (from === 'second' && first < PART_BYTES))
        return false;
      const headers = { ...rangeHeaders(file, first, last), ...more };
      response.writeHead(206, headers).end(file.bytes.subarray(first, last + 1));
      return true;
    },
  });
