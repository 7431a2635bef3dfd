import { describe, expect, it } from 'vitest';
import { invalidFields } from '../../../core/errors.ts';
import {
  COMPUTE_LABELS,
  CONTAINER_LABELS,
  checkContainerName,
  checkDescription,
  checkFamily,
  checkFileName,
  checkId,
  checkName,
  checkProductIds,
  checkText,
  labelViolations,
} from '../../../core/names.ts';

const BAD_NAME = 'invalid resource name';
const BAD_FAMILY =
  'must be 3 to 63 lower-case letters, digits and hyphens; the first a letter, the last a letter or digit';

describe('names of images, disks and snapshots', () => {
  it.each([
    ['', undefined],
    ['a', undefined],
    ['a1', undefined],
    ['my_image-2', undefined],
    [`a${'b'.repeat(62)}`, undefined],
    [`a${'b'.repeat(63)}`, BAD_NAME],
    ['A', BAD_NAME],
    ['1a', BAD_NAME],
    ['-a', BAD_NAME],
    ['a-', BAD_NAME],
    ['a_', BAD_NAME],
    ['a.b', BAD_NAME],
    ['a b', BAD_NAME],
    ['a\n', BAD_NAME],
    ['é', BAD_NAME],
  ])('%j: %s', (text, reason) => {
    expect(checkName(text)).toBe(reason);
  });
});

describe('names of clouds, folders and service accounts', () => {
  it.each([
    ['', BAD_NAME],
    ['a', undefined],
    ['a-b', undefined],
    ['a_b', BAD_NAME],
    [`a${'b'.repeat(62)}`, undefined],
    [`a${'b'.repeat(63)}`, BAD_NAME],
  ])('%j: %s', (text, reason) => {
    expect(checkContainerName(text)).toBe(reason);
  });
});

describe('families', () => {
  it.each([
    ['', undefined],
    ['abc', undefined],
    ['ubuntu-2204-lts', undefined],
    [`a${'b'.repeat(62)}`, undefined],
    [`a${'b'.repeat(63)}`, BAD_FAMILY],
    ['ab', BAD_FAMILY],
    ['a_c', BAD_FAMILY],
    ['ab-', BAD_FAMILY],
    ['Abc', BAD_FAMILY],
  ])('%j: %s', (text, reason) => {
    expect(checkFamily(text)).toBe(reason);
  });
});

describe('other texts', () => {
  it('count characters, not UTF-16 units', () => {
    expect(checkDescription('😀'.repeat(256))).toBeUndefined();
    expect(checkDescription('😀'.repeat(257))).toBe('must be up to 256 characters');
    expect(checkDescription('')).toBeUndefined();
  });

  it.each([
    ['disk.qcow2', undefined],
    ['диск 1.img', undefined],
    ['x'.repeat(255), undefined],
    ['x'.repeat(256), 'must be 1 to 255 characters without slashes and control characters'],
    ['', 'value is required'],
    ['a/b', 'must be 1 to 255 characters without slashes and control characters'],
    ['a\\b', 'must be 1 to 255 characters without slashes and control characters'],
    ['a\r\nb', 'must be 1 to 255 characters without slashes and control characters'],
    ['a\u0085b', 'must be 1 to 255 characters without slashes and control characters'],
  ])('file name %j: %s', (text, reason) => {
    expect(checkFileName(text)).toBe(reason);
  });

  it.each([
    ['fd8abc', undefined],
    ['x'.repeat(50), undefined],
    ['', 'value is required'],
    ['x'.repeat(51), 'must be 1 to 50 characters'],
  ])('id %j: %s', (text, reason) => {
    expect(checkId(text)).toBe(reason);
  });

  it('role and subject ids have their own limits', () => {
    expect(checkText('roleId', 'r'.repeat(64))).toBeUndefined();
    expect(checkText('roleId', 'r'.repeat(65))).toBe('must be 1 to 64 characters');
    expect(checkText('subjectId', 's'.repeat(101))).toBe('must be 1 to 100 characters');
  });
});

describe('holders of leases', () => {
  const BAD_HOLDER = 'must be 1 to 100 Latin letters, digits and the signs . _ : / @ = + -';
  it.each([
    ['asg/web-prod', undefined],
    ['arn:fleet=web+2', undefined],
    ['ops@example.com', undefined],
    ['h'.repeat(100), undefined],
    ['', 'value is required'],
    ['h'.repeat(101), BAD_HOLDER],
    ['two words', BAD_HOLDER],
    ['é', BAD_HOLDER],
    ['a\n', BAD_HOLDER],
  ])('%j: %s', (text, reason) => {
    expect(checkText('leaseHolder', text)).toBe(reason);
  });

  it('product ids: 100 of up to 50 characters', () => {
    expect(checkProductIds([])).toBeUndefined();
    expect(checkProductIds(['f2e000'])).toBeUndefined();
    expect(checkProductIds(Array.from({ length: 101 }, (_, index) => `f2e${index}`))).toBe(
      'at most 100 are allowed, 101 were given',
    );
    expect(checkProductIds(['f2e000', ''])).toBe('each must be 1 to 50 characters, not ""');
  });
});

describe('labels', () => {
  it.each([
    ['a', 'b', []],
    ['a/b\\c@d.e-f_g', '/\\@.-_0a', []],
    ['a', '', []],
    ['a'.repeat(63), 'b'.repeat(63), []],
    ['a'.repeat(64), 'b', [`invalid label key "${'a'.repeat(64)}"`]],
    ['a', 'b'.repeat(64), [`invalid label value "${'b'.repeat(64)}"`]],
    ['', 'b', ['invalid label key ""']],
    ['1a', 'b', ['invalid label key "1a"']],
    ['Key', 'Value', ['invalid label key "Key"', 'invalid label value "Value"']],
  ])('of an image: %j = %j', (key, value, reasons) => {
    const violations = labelViolations({ [key]: value }, COMPUTE_LABELS);
    expect(violations.map(({ description }) => description)).toEqual(reasons);
    for (const { field } of violations) expect(field).toBe(`labels[${key}]`);
  });

  it('of a folder have fewer characters', () => {
    expect(labelViolations({ 'a-b_c': 'd-e_1' }, CONTAINER_LABELS)).toEqual([]);
    expect(labelViolations({ 'a.b': 'c' }, CONTAINER_LABELS)).toHaveLength(1);
    expect(labelViolations({ a: 'b/c' }, CONTAINER_LABELS)).toHaveLength(1);
  });

  it('are at most 64', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'v']));
    expect(labelViolations(many(64), COMPUTE_LABELS)).toEqual([]);
    expect(labelViolations(many(65), COMPUTE_LABELS)).toEqual([
      { field: 'labels', description: 'at most 64 labels are allowed, 65 were given' },
    ]);
  });

  it('are refused in the words of the contract', () => {
    const error = invalidFields(labelViolations({ env: 'Prod' }, COMPUTE_LABELS));
    expect(error.message).toBe('Request validation error: Labels: invalid label value "Prod"');
  });
});
