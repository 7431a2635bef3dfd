import type { IncomingMessage } from 'node:http';
import { S3Error } from './errors.ts';

/** A request taken apart once; everything that looks at it works on this. */
export interface S3Request {
  readonly method: string;
  /** The path as it came, still encoded: signatures cover it as it is. */
  readonly path: string;
  readonly bucket: string;
  /** Decoded; empty when the request is about the bucket. */
  readonly key: string;
  /** Every pair of the query in its order, decoded. */
  readonly pairs: readonly (readonly [string, string])[];
  /** The first value of each name. */
  readonly query: ReadonlyMap<string, string>;
  readonly headers: RequestHeaders;
  readonly incoming: IncomingMessage;
}

const MAX_KEY_BYTES = 1024;

/** Header fields as the client sent them: names in lower case, values in UTF-8, repeated ones joined by a comma. */
export class RequestHeaders {
  readonly #fields = new Map<string, string>();

  constructor(rawHeaders: readonly string[]) {
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!.toLowerCase();
      const value = utf8(rawHeaders[index + 1]!);
      const earlier = this.#fields.get(name);
      this.#fields.set(name, earlier === undefined ? value : `${earlier},${value}`);
    }
  }

  get(name: string): string | undefined {
    return this.#fields.get(name);
  }

  names(): Iterable<string> {
    return this.#fields.keys();
  }
}

/** Throws InvalidURI and KeyTooLongError. */
export function parseRequest(incoming: IncomingMessage): S3Request {
  const target = utf8(incoming.url ?? '/');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!path.startsWith('/')) throw new S3Error('InvalidURI', 'The path has to begin with a slash.');
  const slash = path.indexOf('/', 1);
  const bucket = decoded(slash < 0 ? path.slice(1) : path.slice(1, slash));
  const key = slash < 0 ? '' : decoded(path.slice(slash + 1));
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError');
  const pairs = mark < 0 ? [] : parseQuery(target.slice(mark + 1));
  return {
    method: incoming.method ?? 'GET',
    path,
    bucket,
    key,
    pairs,
    query: new Map([...pairs].reverse()),
    headers: new RequestHeaders(incoming.rawHeaders),
    incoming,
  };
}

/** `/bucket/key` as `x-amz-copy-source` has it: encoded, the leading slash optional. */
export function parseCopySource(source: string): { bucket: string; key: string } {
  const path = source.replace(/^\//, '');
  if (path.includes('?')) throw new S3Error('NotImplemented', 'This store keeps no versions.');
  const slash = path.indexOf('/');
  const key = slash < 0 ? '' : decoded(path.slice(slash + 1));
  if (key === '') throw new S3Error('InvalidArgument', 'x-amz-copy-source has to be bucket/key.');
  return { bucket: decoded(path.slice(0, slash)), key };
}

function parseQuery(text: string): [string, string][] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = equals < 0 ? pair : pair.slice(0, equals);
      const value = equals < 0 ? '' : pair.slice(equals + 1);
      // A plus is a space here: clients that build the query as a form sign the space.
      return [decoded(name.replaceAll('+', ' ')), decoded(value.replaceAll('+', ' '))];
    });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', 'An escape is not valid UTF-8.');
  }
}

/** Node gives each byte of a request head as one character. */
function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
