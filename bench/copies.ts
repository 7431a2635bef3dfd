/** What a disk above 5 GiB costs on its way from image to disk, snapshot and image: requests, jobs and bytes moved. */
import { createHash, type Hash } from 'node:crypto';
import type { Measured, Part, Table } from './part.ts';
import { type BenchRegistry, type Line, type Operation, withRegistry } from './registry.ts';
import { rawDisk } from './sparse-disks.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Above what one request copies, and no multiple of a part. */
const WHOLE: Sizes = { disk: 5 * GIB + 300 * MIB, copyWhole: 5 * GIB };
/** The same in small: seconds. */
const QUICK: Sizes = { disk: 48 * MIB, copyWhole: 9 * MIB };

interface Sizes {
  readonly disk: number;
  /** BULLION_COPY_WHOLE_BYTES. */
  readonly copyWhole: number;
}

interface SignedPart {
  readonly offset: string;
  readonly size: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** One step: what it began, and whether that was done at once. */
interface Step {
  readonly name: string;
  readonly operation: Operation;
  readonly atOnce: boolean;
}

async function measure(sizes: Sizes): Promise<Measured> {
  const measureOn = async (registry: BenchRegistry) =>
    tableOf(sizes, await travel(registry, sizes.disk), registry.lines);
  const table = await withRegistry(measureOn, {
    env: { BULLION_COPY_WHOLE_BYTES: String(sizes.copyWhole) },
  });
  return {
    tables: [table],
    promises: [],
    figures: table.rows.map((row) =>
      Object.fromEntries(table.columns.map((name, index) => [name, row[index]])),
    ),
  };
}

/** Takes a disk the whole way, and demands that what comes out is what went in. */
async function travel({ call, ended }: BenchRegistry, size: number): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const step = async (name: string, path: string, body: Record<string, unknown>, between?: Between) => {
    const operation = await call('POST', path, { folderId: 'default', ...body });
    await between?.(operation);
    await ended(operation.id);
    steps.push({ name, operation, atOnce: operation.done });
    return operation.metadata;
  };
  let sent = '';
  const { imageId } = await step(
    'image of an upload',
    '/compute/v1/images',
    { upload: { size: String(size) } },
    async ({ metadata }) => {
      sent = await upload(call, metadata, size);
    },
  );
  const { minDiskSize } = await call<{ minDiskSize: string }>('GET', `/compute/v1/images/${imageId}`);
  const place = { zoneId: 'ru-central1-a', size: minDiskSize };
  const { diskId } = await step('disk of the image', '/compute/v1/disks', { ...place, imageId });
  const { snapshotId } = await step('snapshot of the disk', '/compute/v1/snapshots', { diskId });
  const last = await step('image of the snapshot', '/compute/v1/images', { snapshotId });
  const received = await downloaded(call, last.imageId);
  if (received !== sent) throw new Error(`The last image has the digest ${received}, the first one ${sent}`);
  return steps;
}

type Between = (operation: Operation) => Promise<void>;

/** PUTs a disk as the content of an image, part by part, and completes it. out: the digest of all. */
async function upload(
  call: BenchRegistry['call'],
  { imageId, upload }: Operation['metadata'],
  size: number,
): Promise<string> {
  const disk = rawDisk(size);
  const hash = createHash('sha256');
  for (let partNumber = 1; partNumber <= (upload?.partCount ?? 0); partNumber += 1) {
    const path = `/compute/v1/images/${imageId}:signParts`;
    const { parts } = await call<{ parts: readonly SignedPart[] }>('POST', path, {
      partNumbers: [partNumber],
    });
    const { offset, size: length, url, headers } = parts[0]!;
    const body = stamped(disk.read(Number(offset), Number(length)), Number(offset), size);
    hash.update(body);
    const answer = await fetch(url, { method: 'PUT', headers, body });
    if (!answer.ok) throw new Error(`PUT of part ${partNumber}: ${answer.status} ${await answer.text()}`);
  }
  await call('POST', `/compute/v1/images/${imageId}:completeUpload`, {});
  return hash.digest('hex');
}

/** Each MiB of the empty middle says where it is, so that parts that changed places would be noticed. */
function stamped(bytes: Uint8Array, offset: number, size: number): Buffer<ArrayBuffer> {
  const part = Buffer.from(bytes);
  for (let at = 0; at < part.length; at += MIB) {
    const place = offset + at;
    if (place >= size / 2 && place < size - 2 * MIB) part.writeBigUInt64LE(BigInt(place), at);
  }
  return part;
}

async function downloaded(call: BenchRegistry['call'], imageId: string): Promise<string> {
  const { url } = await call<{ url: string }>('GET', `/compute/v1/images/${imageId}:download`);
  const { body } = await fetch(url);
  const hash: Hash = createHash('sha256');
  for await (const chunk of body ?? []) hash.update(chunk);
  return hash.digest('hex');
}

function tableOf(sizes: Sizes, steps: readonly Step[], lines: readonly Line[]): Table {
  const sum = (of: readonly Line[], figure: 's3Calls' | 'd1RoundTrips') =>
    of.reduce((total, line) => total + line[figure], 0);
  return {
    title: `A disk of ${sizes.disk} bytes, copied in one request up to ${sizes.copyWhole}`,
    columns: [
      'step',
      'done at once',
      'bytes sent',
      'bytes copied',
      'job runs',
      'S3 calls of jobs',
      'D1 round trips of jobs',
    ],
    rows: steps.map(({ name, operation, atOnce }) => {
      const jobs = lines.filter(({ event, operationId }) => event === 'job' && operationId === operation.id);
      return [
        name,
        atOnce ? 'yes' : 'no',
        operation.metadata.upload === undefined ? 0 : sizes.disk,
        jobs.some(({ kind }) => kind === 'copy-layer') ? sizes.disk : 0,
        jobs.length,
        sum(jobs, 's3Calls'),
        sum(jobs, 'd1RoundTrips'),
      ];
    }),
  };
}

export const copies: Part = {
  name: 'copies',
  about: 'image, disk, snapshot and image again of a disk above 5 GiB, on a registry of its own',
  onlyByName: true,
  run: ({ quick }) => measure(quick ? QUICK : WHOLE),
};
