/** How a file is cut into the parts of a multipart upload, and whether the parts that came are those. */
import { invalidField } from './errors.ts';

const MIB = 2 ** 20;

export const MIN_UPLOAD_BYTES = 1;
export const MAX_UPLOAD_BYTES = 5 * 2 ** 40;
export const MIN_PART_BYTES = 8 * MIB;
/** Up to this part size an upload has at most `USUAL_MAX_PARTS`; above it, only `MAX_PARTS` counts. */
export const USUAL_MAX_PART_BYTES = 128 * MIB;
export const USUAL_MAX_PARTS = 1_000;
/** What S3 allows in one upload. */
export const MAX_PARTS = 10_000;

/** Parts are numbered from 1 and are all of `partSizeBytes` but the last. */
export interface UploadPlan {
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
  readonly partCount: number;
}

/** errors: INVALID_ARGUMENT on `upload.size` outside 1 byte .. 5 TiB. */
export function planUpload(sizeBytes: number): UploadPlan {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < MIN_UPLOAD_BYTES || sizeBytes > MAX_UPLOAD_BYTES) {
    throw invalidField('upload.size', `must be ${MIN_UPLOAD_BYTES} to ${MAX_UPLOAD_BYTES} bytes`);
  }
  let partSizeBytes = MIN_PART_BYTES;
  while (partSizeBytes < USUAL_MAX_PART_BYTES && partSizeBytes * USUAL_MAX_PARTS < sizeBytes) {
    partSizeBytes *= 2;
  }
  while (partSizeBytes * MAX_PARTS < sizeBytes) partSizeBytes *= 2;
  return { sizeBytes, partSizeBytes, partCount: Math.ceil(sizeBytes / partSizeBytes) };
}

/** The bytes of one part. errors: INVALID_ARGUMENT on `part_numbers` for a number that the plan does not have. */
export function partRange(plan: UploadPlan, partNumber: number): { offset: number; sizeBytes: number } {
  if (!isPlanned(plan, partNumber)) {
    throw invalidField('part_numbers', `${partNumber} is not one of 1 to ${plan.partCount}`);
  }
  const offset = (partNumber - 1) * plan.partSizeBytes;
  return { offset, sizeBytes: Math.min(plan.partSizeBytes, plan.sizeBytes - offset) };
}

function isPlanned(plan: UploadPlan, partNumber: number): boolean {
  return Number.isInteger(partNumber) && partNumber >= 1 && partNumber <= plan.partCount;
}

/** A part as the store lists it. */
export interface StoredPart {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** A part as the client says that it sent it. */
export interface ClaimedPart {
  readonly partNumber: number;
  readonly etag: string;
}

/** Part numbers that stand in the way of completing, ascending; all empty when nothing does. */
export interface PartsJudgement {
  /** Planned, but not stored, or left out of the client's list. */
  readonly missing: readonly number[];
  /** Not planned, or claimed twice. */
  readonly foreign: readonly number[];
  readonly wrongLength: readonly number[];
  readonly otherEtag: readonly number[];
}

/**
 * Compares the plan with what is stored, and with what the client claims, when it does.
 * A part that the plan does not have counts against a client that claims it, or when nobody claims anything.
 */
export function judgeParts(
  plan: UploadPlan,
  stored: readonly StoredPart[],
  claimed?: readonly ClaimedPart[],
): PartsJudgement {
  const storedByNumber = new Map(stored.map((part) => [part.partNumber, part]));
  const claimedByNumber = new Map(claimed?.map((part) => [part.partNumber, part]));
  const repeated = claimed?.filter((part) => claimedByNumber.get(part.partNumber) !== part) ?? [];
  const foreign = [...(claimed ?? stored).filter((part) => !isPlanned(plan, part.partNumber)), ...repeated];

  const missing: number[] = [];
  const wrongLength: number[] = [];
  const otherEtag: number[] = [];
  for (let partNumber = 1; partNumber <= plan.partCount; partNumber += 1) {
    const part = storedByNumber.get(partNumber);
    const claim = claimedByNumber.get(partNumber);
    if (part === undefined || (claimed !== undefined && claim === undefined)) {
      missing.push(partNumber);
      continue;
    }
    if (part.sizeBytes !== partRange(plan, partNumber).sizeBytes) wrongLength.push(partNumber);
    if (claim !== undefined && bareEtag(claim.etag) !== bareEtag(part.etag)) otherEtag.push(partNumber);
  }
  const foreignNumbers = [...new Set(foreign.map((part) => part.partNumber))].sort((a, b) => a - b);
  return { missing, foreign: foreignNumbers, wrongLength, otherEtag };
}

/** Stores write ETags in quotes, clients with and without. */
function bareEtag(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

/** What is wrong in words that name the numbers; undefined when the upload can be completed. */
export function describeParts(judgement: PartsJudgement): string | undefined {
  const faults: [string, readonly number[]][] = [
    ['missing', judgement.missing],
    ['not part of this upload or named twice', judgement.foreign],
    ['not as long as planned', judgement.wrongLength],
    ['stored with another ETag', judgement.otherEtag],
  ];
  const texts = faults
    .filter(([, numbers]) => numbers.length > 0)
    .map(([fault, numbers]) => `${fault}: ${spans(numbers)}`);
  return texts.length === 0 ? undefined : texts.join('; ');
}

const MAX_SPANS = 50;

/** `1, 3-5, 9`; after fifty spans only how many more there are. */
function spans(numbers: readonly number[]): string {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else found.push([number, number]);
  }
  const shown = found.slice(0, MAX_SPANS).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  const hidden = found.slice(MAX_SPANS).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return hidden === 0 ? shown.join(', ') : `${shown.join(', ')} and ${hidden} more`;
}
