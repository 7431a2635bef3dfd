/** Who may cancel an operation on a disk or a snapshot; what a cancelled copy leaves is in test/faults/copies.test.ts. */
import { describe, expect, test } from 'vitest';
import { FOLDERS, grant, newCloud, newFolder, newPerson, operator, toAccount } from './api-tenant.ts';
import type { Operation } from './client.ts';
import { createDisk, newSnapshot, SNAPSHOTS } from './volumes.ts';

const { id: folderId } = await newFolder((await newCloud()).id);
const diskCreation = await createDisk(operator, { folderId });
const { id: snapshotId } = await newSnapshot(operator, { folderId, diskId: diskCreation.metadata.diskId });
const snapshotUpdate = await operator.call<Operation>('PATCH', `${SNAPSHOTS}/${snapshotId}`, {
  updateMask: 'description',
  description: 'changed',
});

async function personWith(role: string | undefined) {
  const person = await newPerson(folderId);
  if (role !== undefined) await grant(`${FOLDERS}/${folderId}`, role, toAccount(person.id));
  return person.api;
}

describe.each([
  ['the creation of a disk', diskCreation],
  ['the update of a snapshot', snapshotUpdate],
])('%s', (_, operation) => {
  test.each(['GET', 'POST'])(
    'comes back as it is when it cannot be stopped any more, by %s',
    async (method) => {
      const editor = await personWith('compute.editor');
      expect(await editor.call(method, `/operations/${operation.id}:cancel`)).toEqual(operation);
    },
  );

  test.each([
    ['compute.viewer', 403, 7],
    [undefined, 404, 5],
  ])('is not cancelled with the role %s: %d', async (role, status, code) => {
    const caller = await personWith(role);
    const refused = await caller.refused('POST', `/operations/${operation.id}:cancel`);
    expect(refused).toMatchObject({ status, code });
  });
});
