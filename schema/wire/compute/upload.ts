import { MAX_PARTS } from '../../../core/upload-plan.ts';
import * as z from '../../zod.ts';
import { int64, int64Text, message, requiredOr, requiredText, timestamp } from '../json.ts';

const MAX_SIGNED = 1000;
const ARRAY = { error: requiredOr('an array') };

const partNumber = int64(1, MAX_PARTS).openapi({ type: 'integer', format: 'int32' });

export const signPartsBody = message({
  partNumbers: z
    .array(partNumber, ARRAY)
    .max(MAX_SIGNED, `at most ${MAX_SIGNED} parts are signed at once`)
    .optional(),
  parts: z
    .array(
      message({
        partNumber,
        md5: z
          .string({ error: 'expected a string' })
          .regex(/^[A-Za-z0-9+/]{22}==$/, 'must be the MD5 of the part in base64 (24 characters)')
          .optional(),
      }),
      ARRAY,
    )
    .max(MAX_SIGNED, `at most ${MAX_SIGNED} parts are signed at once`)
    .optional(),
})
  .superRefine((given, context) => {
    const numbers = [
      ...(given.partNumbers ?? []),
      ...(given.parts ?? []).map(({ partNumber: number }) => number),
    ];
    if (given.partNumbers !== undefined && given.parts !== undefined) {
      context.addIssue({ code: 'custom', path: ['parts'], message: 'give part_numbers or parts, not both' });
    } else if (numbers.length === 0) {
      context.addIssue({
        code: 'custom',
        path: ['partNumbers'],
        message: 'at least one part number is required',
      });
    }
    const twice = numbers.find((number, index) => numbers.indexOf(number) !== index);
    if (twice !== undefined) {
      context.addIssue({ code: 'custom', path: ['partNumbers'], message: `${twice} is given twice` });
    }
  })
  .openapi('SignPartsRequest', { example: { partNumbers: [1, 2] } });

export const signedParts = z
  .object({
    parts: z.array(
      z.object({
        partNumber: z.number().int(),
        offset: int64Text,
        size: int64Text,
        url: z.string(),
        headers: z.record(z.string(), z.string()),
        expiresAt: timestamp,
      }),
    ),
  })
  .openapi('SignPartsResponse');

export const upload = z
  .object({
    uploadId: z.string(),
    state: z.enum(['OPEN', 'COMPLETING', 'COMPLETED', 'ABORTED']),
    size: int64Text,
    partSize: int64Text,
    partCount: z.number().int(),
    expiresAt: timestamp,
    receivedBytes: int64Text,
    parts: z.array(z.object({ partNumber: z.number().int(), size: int64Text, etag: z.string() })),
  })
  .openapi('Upload');

export const completeUploadBody = message({
  parts: z
    .array(message({ partNumber, etag: requiredText(256) }), ARRAY)
    .max(MAX_PARTS)
    .optional(),
}).openapi('CompleteUploadRequest', {
  example: { parts: [{ partNumber: 1, etag: '"5d41402abc4b2a76b9719d911017c592"' }] },
});

export const download = z
  .object({ url: z.string(), expiresAt: timestamp, size: int64Text, sha256: z.string().optional() })
  .openapi('Download');
