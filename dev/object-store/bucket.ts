import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Blobs, Slice } from './blobs.ts';
import { S3Error } from './errors.ts';
import { type DurableFiles, Turns } from './files.ts';

/** An object: the record that stands in its sidecar file. `headers` are those it is answered with. */
export interface StoredObject {
  readonly key: string;
  /** Without quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly slices: readonly Slice[];
  /** The upload it was completed from, and a digest of the list that did it: a repetition is recognised. */
  readonly completedFrom?: { readonly uploadId: string; readonly list: string };
}

export interface StoredPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly slices: readonly Slice[];
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: ReadonlyMap<number, StoredPart>;
}

/** Throws when a write may not replace what is there. */
export type WriteCondition = (existing: StoredObject | undefined) => void;

interface OpenUpload extends Upload {
  readonly parts: Map<number, StoredPart>;
}

/**
 * One bucket: records in memory, each also in a file of its own, whose renaming is the moment of the change.
 *
 *   objects/<SHA-256 of the key>.json
 *   uploads/<id>/upload.json and <part number>.json
 *
 * Changes to one key, its uploads included, take turns. A blob is stored before the record that names it and deleted
 * after that record is gone, so every record that can be read is whole.
 */
export class Bucket {
  readonly #dir: string;
  readonly #files: DurableFiles;
  readonly #blobs: Blobs;
  readonly #turns = new Turns();
  readonly #objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, OpenUpload>();
  #sortedKeys: readonly string[] | undefined;

  private constructor(files: DurableFiles, blobs: Blobs, name: string) {
    this.#files = files;
    this.#blobs = blobs;
    this.#dir = files.path('buckets', name);
  }

  /** The buckets that were ever made. */
  static async names(files: DurableFiles): Promise<string[]> {
    await files.createFolder(files.path('buckets'));
    return await files.names(files.path('buckets'));
  }

  /** Opens a bucket, making it when it is new; reads its records and counts their uses of blobs. */
  static async open(files: DurableFiles, blobs: Blobs, name: string): Promise<Bucket> {
    const bucket = new Bucket(files, blobs, name);
    await files.createFolder(bucket.#path('objects'));
    await files.createFolder(bucket.#path('uploads'));
    await bucket.#load();
    return bucket;
  }

  object(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** All keys in the order of their UTF-8 bytes. */
  keys(): readonly string[] {
    this.#sortedKeys ??= inUtf8Order([...this.#objects.keys()], (key) => key);
    return this.#sortedKeys;
  }

  /** All open uploads by key, then by age. */
  uploads(): Upload[] {
    const byAge = [...this.#uploads.values()].sort((left, right) => left.initiatedMs - right.initiatedMs);
    return inUtf8Order(byAge, (upload) => upload.key);
  }

  /** Throws NoSuchUpload. */
  upload(key: string, id: string): Upload {
    return this.#openUpload(key, id);
  }

  async put(object: StoredObject, condition: WriteCondition = () => {}): Promise<void> {
    await this.#turns.take(object.key, async () => {
      condition(this.#objects.get(object.key));
      await this.#writeObject(object);
    });
  }

  async delete(key: string): Promise<void> {
    await this.#turns.take(key, async () => {
      const object = this.#objects.get(key);
      if (object === undefined) return;
      await this.#files.remove(this.#objectPath(key));
      this.#objects.delete(key);
      this.#sortedKeys = undefined;
      await this.#blobs.release(object.slices);
    });
  }

  async startUpload(key: string, headers: Readonly<Record<string, string>>): Promise<Upload> {
    const record = { id: randomBytes(16).toString('hex'), key, initiatedMs: Date.now(), headers };
    await this.#files.createFolder(this.#path('uploads', record.id));
    await this.#files.createJson(this.#path('uploads', record.id, 'upload.json'), record);
    const upload: OpenUpload = { ...record, parts: new Map() };
    this.#uploads.set(record.id, upload);
    return upload;
  }

  /** Adds a part, replacing one with its number. Throws NoSuchUpload when the upload has ended meanwhile. */
  async putPart(key: string, uploadId: string, part: StoredPart): Promise<void> {
    await this.#turns.take(key, async () => {
      const upload = this.#openUpload(key, uploadId);
      await this.#files.createJson(this.#path('uploads', uploadId, `${part.partNumber}.json`), part);
      const replaced = upload.parts.get(part.partNumber);
      upload.parts.set(part.partNumber, part);
      this.#blobs.retain(part.slices);
      if (replaced !== undefined) await this.#blobs.release(replaced.slices);
    });
  }

  /**
   * Turns an upload into the object that `build` makes of its parts; parts it leaves out are deleted.
   * Again with the same list: the object of the first time. Throws NoSuchUpload, and what `build` throws.
   */
  async completeUpload(
    key: string,
    uploadId: string,
    list: string,
    condition: WriteCondition,
    build: (upload: Upload) => StoredObject,
  ): Promise<StoredObject> {
    return await this.#turns.take(key, async () => {
      const existing = this.#objects.get(key);
      const earlier = existing?.completedFrom;
      if (existing !== undefined && earlier?.uploadId === uploadId && earlier.list === list) return existing;
      const upload = this.#openUpload(key, uploadId);
      condition(existing);
      const object = { ...build(upload), completedFrom: { uploadId, list } };
      await this.#writeObject(object);
      await this.#removeUpload(upload);
      return object;
    });
  }

  /** Throws NoSuchUpload. */
  async abortUpload(key: string, uploadId: string): Promise<void> {
    await this.#turns.take(key, () => this.#removeUpload(this.#openUpload(key, uploadId)));
  }

  async #writeObject(object: StoredObject): Promise<void> {
    await this.#files.createJson(this.#objectPath(object.key), object);
    const replaced = this.#objects.get(object.key);
    this.#objects.set(object.key, object);
    this.#blobs.retain(object.slices);
    if (replaced === undefined) this.#sortedKeys = undefined;
    else await this.#blobs.release(replaced.slices);
  }

  /** Without its own record an upload is gone, even when the process ends before its folder is. */
  async #removeUpload(upload: OpenUpload): Promise<void> {
    await this.#files.remove(this.#path('uploads', upload.id, 'upload.json'));
    this.#uploads.delete(upload.id);
    await this.#files.removeFolder(this.#path('uploads', upload.id));
    for (const part of upload.parts.values()) await this.#blobs.release(part.slices);
  }

  #openUpload(key: string, id: string): OpenUpload {
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.key !== key) throw new S3Error('NoSuchUpload');
    return upload;
  }

  async #load(): Promise<void> {
    for (const name of await this.#files.names(this.#path('objects'))) {
      const object = await readRecord<StoredObject>(this.#path('objects', name));
      this.#objects.set(object.key, object);
      this.#blobs.retain(object.slices);
    }
    const completed = new Set([...this.#objects.values()].map((object) => object.completedFrom?.uploadId));
    for (const id of await this.#files.names(this.#path('uploads'))) {
      const names = await this.#files.names(this.#path('uploads', id));
      if (completed.has(id) || !names.includes('upload.json')) {
        await this.#files.removeFolder(this.#path('uploads', id));
      } else {
        await this.#loadUpload(id, names);
      }
    }
  }

  async #loadUpload(id: string, names: readonly string[]): Promise<void> {
    const record = await readRecord<Omit<Upload, 'parts'>>(this.#path('uploads', id, 'upload.json'));
    const upload: OpenUpload = { ...record, parts: new Map() };
    for (const name of names) {
      if (name === 'upload.json') continue;
      const part = await readRecord<StoredPart>(this.#path('uploads', id, name));
      upload.parts.set(part.partNumber, part);
      this.#blobs.retain(part.slices);
    }
    this.#uploads.set(id, upload);
  }

  /** A key never becomes a file name: it may hold slashes, dots, NUL, or be too long for one. */
  #objectPath(key: string): string {
    return this.#path('objects', `${createHash('sha256').update(key).digest('hex')}.json`);
  }

  #path(...names: string[]): string {
    return [this.#dir, ...names].join('/');
  }
}

async function readRecord<Record>(path: string): Promise<Record> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record;
  } catch (error) {
    throw new Error(`${path} is not a record of the object store; was it changed by hand?`, { cause: error });
  }
}

/** Sorts by the UTF-8 bytes of a text, as S3 does; JavaScript's own order differs beyond U+FFFF. Stable. */
function inUtf8Order<Item>(items: readonly Item[], textOf: (item: Item) => string): Item[] {
  return items
    .map((item) => ({ item, bytes: Buffer.from(textOf(item)) }))
    .sort((left, right) => Buffer.compare(left.bytes, right.bytes))
    .map(({ item }) => item);
}
