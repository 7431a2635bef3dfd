import { planUpload } from '../../core/upload-plan.ts';
import { readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import type { Operation } from '../operations/record.ts';
import { createFromKnownDigest, knownDigestQueries } from './from-known-digest.ts';
import { createIncoming } from './incoming.ts';
import { type CreateImage, placeQueries, type UploadSource } from './new-image.ts';

/**
 * Begins an image whose bytes the caller will send. The store is not asked for anything yet; the upload is opened
 * when its first part is signed. out: a running operation that awaits its upload; one that is done when the bytes
 * are there already.
 */
export function createFromUpload(
  context: CallerContext,
  input: CreateImage<UploadSource>,
): Promise<Operation> {
  return decideAgain(async () => {
    const { access, rows, replay } = await readToChange(context, { kind: 'folder', id: input.folderId }, [
      ...placeQueries(context, input),
      ...knownDigestQueries(context, input.source),
    ]);
    const [[folderRow], quotas, [operations], [namesake], known] = rows;
    const folder = requireFolder(folderRow, access, 'compute.images.create', input.folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    const place = { access, folder, quotas, operations, namesake };
    const reused = await createFromKnownDigest(context, input, known?.[0], place);
    if (reused !== undefined) return reused;
    const { sizeBytes, sha256 = null, format = null, fileName = null } = input.source;
    const { partSizeBytes, partCount } = planUpload(sizeBytes);
    return await createIncoming(context, input, place, {
      source: { kind: 'upload' },
      sizeBytes,
      partSizeBytes,
      partCount,
      sha256,
      declaredFormat: format,
      fileName,
      sourceUri: null,
    });
  });
}
