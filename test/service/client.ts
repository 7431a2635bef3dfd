import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { z } from 'zod';
import { ERROR_CODES } from '../../core/errors.ts';
import type { image, imageList } from '../../schema/wire/compute/image.ts';
import type { signedParts, upload } from '../../schema/wire/compute/upload.ts';
import type { operation, operationList } from '../../schema/wire/operation.ts';
import { eventually } from './setup/eventually.ts';

export type Image = z.infer<typeof image>;
export type ImageList = z.infer<typeof imageList>;
export type Operation = z.infer<typeof operation>;
export type OperationList = z.infer<typeof operationList>;
export type SignedPart = z.infer<typeof signedParts>['parts'][number];
export type Upload = z.infer<typeof upload>;

/** Plain JSON of a body, well-formed or not. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Detail {
  readonly '@type': string;
  readonly [member: string]: unknown;
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of the answer; undefined when it has no body. */
  readonly body: T;
}

/** A refusal whose form was checked. */
export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly code: number;
  readonly message: string;
  readonly details: readonly Detail[];
  /** The fields that the details name, in their order. */
  readonly fields: readonly string[];
}

export interface Extras {
  readonly headers?: Readonly<Record<string, string>>;
}

export const IMAGES = '/compute/v1/images';
export const TYPE = 'type.googleapis.com/';
const DIGITS = /^\d+$/;
/** Refusals say which HTTP status belongs to which code; several names may share a number. */
const STATUSES: ReadonlySet<string> = new Set(
  Object.values(ERROR_CODES).map(({ number, status }) => `${number} with ${status}`),
);

/** One caller of one registry. Every answer is held against what every answer has. */
export class Client {
  readonly url: string;
  readonly #authorization: string | undefined;

  /** in: `key` is an API key; without one the caller is nobody. */
  constructor(url: string, key: string | undefined, scheme = 'Api-Key') {
    this.url = url;
    this.#authorization = key === undefined ? undefined : `${scheme} ${key}`;
  }

  /** One request as it is; a `body` that is no text is sent as JSON. */
  async send<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    { headers = {} }: Extras = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        // One that idled while a test was at work elsewhere may be closed just when it is used again.
        Connection: 'close',
        ...(this.#authorization !== undefined && { Authorization: this.#authorization }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('Content-Type')?.startsWith('application/json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text !== '' ? JSON.parse(text) : undefined) as T,
    };
  }

  /** A call that succeeds; fails with the answer otherwise. */
  async call<T>(method: string, path: string, body?: unknown, extras?: Extras): Promise<T> {
    const answer = await this.send<T>(method, path, body, extras);
    if (answer.status !== 200) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    }
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/);
    return answer.body;
  }

  get<T = Image>(path: string, extras?: Extras): Promise<T> {
    return this.call<T>('GET', path, undefined, extras);
  }

  /** A call that is refused, in the form that every refusal has. */
  async refused(method: string, path: string, body?: unknown, extras?: Extras): Promise<Refusal> {
    const answer = await this.send<Refusal>(method, path, body, extras);
    if (answer.status < 400) throw new Error(`${method} ${path} was not refused: ${answer.text}`);
    const { code, message, details } = answer.body;
    expect(STATUSES, answer.text).toContain(`${code} with ${answer.status}`);
    expect(message).not.toBe('');
    const requestInfo = details.filter((detail) => detail['@type'] === `${TYPE}google.rpc.RequestInfo`);
    expect(requestInfo).toEqual([
      { '@type': `${TYPE}google.rpc.RequestInfo`, requestId: answer.headers.get('X-Request-Id') },
    ]);
    const violations = detailOf<{ fieldViolations: { field: string; description: string }[] }>(
      { details },
      'google.rpc.BadRequest',
    );
    return {
      status: answer.status,
      headers: answer.headers,
      code,
      message,
      details,
      fields: violations?.fieldViolations.map(({ field }) => field) ?? [],
    };
  }

  /** Starts an image. */
  create(fields: Fields, extras?: Extras): Promise<Operation> {
    return this.call('POST', IMAGES, fields, extras);
  }

  image(id: string): Promise<Image> {
    return this.get(`${IMAGES}/${id}`);
  }

  upload(imageId: string): Promise<Upload> {
    return this.get(`${IMAGES}/${imageId}:upload`);
  }

  async sign(imageId: string, partNumbers: readonly number[]): Promise<SignedPart[]> {
    const path = `${IMAGES}/${imageId}:signParts`;
    return (await this.call<{ parts: SignedPart[] }>('POST', path, { partNumbers })).parts;
  }

  complete(imageId: string, body: Fields = {}): Promise<Operation> {
    return this.call('POST', `${IMAGES}/${imageId}:completeUpload`, body);
  }

  /** Signs and sends every part of an open upload; answers the ETags as the store gave them. */
  async sendParts(imageId: string, partCount: number, bytes: Uint8Array) {
    const numbers = Array.from({ length: partCount }, (_, index) => index + 1);
    return await Promise.all((await this.sign(imageId, numbers)).map((part) => sendPart(part, bytes)));
  }

  /**
   * Creates an image from these bytes and completes its upload; the creation is then judged. Bytes whose declared
   * digest is known are not sent.
   */
  async push(bytes: Uint8Array, fields: Fields): Promise<Operation> {
    const upload = { size: String(bytes.length), ...(fields.upload as Fields | undefined) };
    const created = await this.create({ ...fields, upload });
    if (created.done) return created;
    const imageId = imageIdOf(created);
    await this.sendParts(imageId, partCountOf(created), bytes);
    return await this.complete(imageId);
  }

  /** The operation at its end. */
  async finished({ id }: Pick<Operation, 'id'>, timeoutMs = 20_000): Promise<Operation> {
    return await eventually(
      `the end of operation ${id}`,
      async () => {
        const found = await this.get<Operation>(`/operations/${id}`);
        return found.done && found;
      },
      timeoutMs,
    );
  }

  /** Pushes bytes that are accepted; answers the READY image once its digest, and so its tag, is known. */
  async ready(bytes: Uint8Array, fields: Fields): Promise<Image> {
    const ended = await this.finished(await this.push(bytes, fields));
    if (ended.error !== undefined) throw new Error(`refused: ${JSON.stringify(ended.error)}`);
    return await eventually(`the digest of image ${imageIdOf(ended)}`, async () => {
      const image = await this.image(imageIdOf(ended));
      return image.digest !== undefined && image;
    });
  }

  async images(folderId: string, query: Readonly<Record<string, string>> = {}): Promise<Image[]> {
    const list = await this.get<ImageList>(`${IMAGES}?${new URLSearchParams({ folderId, ...query })}`);
    return list.images ?? [];
  }
}

/** The image that an operation is about. */
export function imageIdOf(operation: Operation): string {
  expect(operation.metadata.imageId).toEqual(expect.any(String));
  return operation.metadata.imageId as string;
}

/** How many parts the upload of a new image has. */
export function partCountOf(operation: Operation): number {
  return (operation.metadata.upload as { partCount: number }).partCount;
}

/** PUTs one part of `bytes`; answers its number and ETag. */
export async function sendPart(part: SignedPart, bytes: Uint8Array) {
  const response = await putPart(part, partOf(part, bytes));
  if (!response.ok) {
    throw new Error(`part ${part.partNumber} answered ${response.status}: ${await response.text()}`);
  }
  await response.arrayBuffer();
  return { partNumber: part.partNumber, etag: response.headers.get('ETag') ?? '' };
}

/** The bytes of a part, as signed. */
export function partOf(part: SignedPart, bytes: Uint8Array): Uint8Array {
  expect([part.offset, part.size]).toEqual([expect.stringMatching(DIGITS), expect.stringMatching(DIGITS)]);
  return bytes.subarray(Number(part.offset), Number(part.offset) + Number(part.size));
}

/** PUTs whatever body to the URL of a part. */
export function putPart(part: SignedPart, body: Uint8Array, headers: Readonly<Record<string, string>> = {}) {
  const { 'Content-Length': _, ...signed } = part.headers;
  return fetch(part.url, { method: 'PUT', body, headers: { ...signed, ...headers } });
}

/** The detail of this type, among those of a refusal or of an operation's error. */
export function detailOf<T>(
  { details = [] }: { readonly details?: readonly Detail[] | undefined },
  type: string,
): T | undefined {
  return details.find((detail) => detail['@type'] === TYPE + type) as T | undefined;
}

/** The codes of the findings with which an operation ended. */
export function findingCodes(operation: Operation): string[] {
  const report = detailOf<{ findings: { code: string }[] }>(operation.error ?? {}, 'bullion.v1.Inspection');
  return report?.findings.map(({ code }) => code) ?? [];
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
