import { describe, expect, it } from 'vitest';
import {
  ERROR_CODES,
  failedPrecondition,
  fieldTitle,
  invalidField,
  invalidFields,
  notFound,
  permissionDenied,
} from '../../../core/errors.ts';

const codes = Object.entries(ERROR_CODES);

/** google.rpc.Code to HTTP, as the contract maps them. */
const USUAL_STATUS: Readonly<Record<number, number>> = {
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  15: 500,
  16: 401,
};
/** Where HTTP has a finer status than the number. */
const FINER_STATUS: Readonly<Record<string, number>> = {
  STALE: 412,
  BODY_TOO_LARGE: 413,
  METHOD_NOT_ALLOWED: 405,
};

describe('the register of errors', () => {
  it.each(codes)('%s has a number, a status and a meaning', (code, { number, status, meaning }) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(status).toBe(FINER_STATUS[code] ?? USUAL_STATUS[number]);
    expect(meaning).toMatch(/^[A-Z].{10,}\.$/);
  });

  it('says each thing once', () => {
    const meanings = codes.map(([, { meaning }]) => meaning);
    expect(new Set(meanings).size).toBe(meanings.length);
  });

  it('has every number of the contract but OK, UNKNOWN and OUT_OF_RANGE', () => {
    const numbers = new Set(codes.map(([, { number }]) => number as number));
    expect([...numbers].sort((a, b) => a - b)).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16]);
  });
});

describe('the words of errors', () => {
  it.each([
    ['name', 'Name'],
    ['min_disk_size', 'MinDiskSize'],
    ['upload.size', 'Upload.Size'],
    ['os.nvidia.driver', 'Os.Nvidia.Driver'],
    ['sha256', 'Sha256'],
  ])('%s is called %s', (field, title) => {
    expect(fieldTitle(field)).toBe(title);
  });

  it('are those of the contract', () => {
    expect(invalidField('name', 'invalid resource name').message).toBe(
      'Request validation error: Name: invalid resource name',
    );
    expect(invalidField('labels[Key]', 'invalid label key "Key"').message).toBe(
      'Request validation error: Labels: invalid label key "Key"',
    );
    const violations = [
      { field: 'name', description: 'invalid resource name' },
      { field: 'folder_id', description: 'value is required' },
    ];
    expect(invalidFields(violations)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Request validation error: Name: invalid resource name; FolderId: value is required',
      details: [{ kind: 'fields', violations }],
    });
    expect(notFound('Image', 'fd8abc').message).toBe('Image "fd8abc" not found');
    expect(permissionDenied('folder', 'b1gabc').message).toBe('Permission denied to folder b1gabc');
    expect(failedPrecondition('fd8abc', 'STATE', 'The image is CREATING')).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'The image is CREATING',
    });
  });
});
