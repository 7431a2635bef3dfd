import { describe, expect, it } from 'vitest';
import { parseMask } from '../../../core/field-mask.ts';

const UPDATABLE = ['name', 'description', 'minDiskSize', 'labels'] as const;

describe('field masks', () => {
  it.each([
    [undefined, [...UPDATABLE]],
    ['', [...UPDATABLE]],
    [' ', [...UPDATABLE]],
    ['name', ['name']],
    ['minDiskSize', ['minDiskSize']],
    ['min_disk_size', ['minDiskSize']],
    ['labels,name', ['labels', 'name']],
    ['labels, name', ['labels', 'name']],
    ['minDiskSize,min_disk_size', ['minDiskSize']],
  ])('%j', (mask, fields) => {
    expect([...parseMask(mask, UPDATABLE)]).toEqual(fields);
  });

  it.each([
    [undefined, ['name', 'description']],
    ['', ['name', 'description']],
    ['labels', ['labels']],
    ['name,min_disk_size', ['name', 'minDiskSize']],
  ])('%j, where two stay untouched without one', (mask, fields) => {
    expect([...parseMask(mask, UPDATABLE, ['labels', 'minDiskSize'])]).toEqual(fields);
  });

  it.each([
    ['family', 'family'],
    ['name,status', 'status'],
    ['NAME', 'NAME'],
    ['labels.env', 'labels.env'],
    ['name,', ''],
    ['*', '*'],
    ['_name', '_name'],
  ])('%j is refused', (mask, path) => {
    expect(() => parseMask(mask, UPDATABLE)).toThrow(
      `UpdateMask: "${path}" is not a field that can be changed; these are: name, description, minDiskSize, labels`,
    );
  });
});
