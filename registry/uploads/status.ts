import type { UploadRow } from '../../schema/tables/images.ts';
import type { CallerContext } from '../context.ts';
import { objectKeyOf, sentUploadOf } from './sign-parts.ts';

export interface UploadStatus {
  readonly upload: UploadRow;
  /** What the store holds, by part number. */
  readonly parts: readonly { partNumber: number; sizeBytes: number; etag: string }[];
  readonly receivedBytes: number;
}

/** What has arrived, read from the store: enough to go on after a crash, on another machine, in another tab. */
export async function getUpload(context: CallerContext, imageId: string): Promise<UploadStatus> {
  const { upload } = await sentUploadOf(context, imageId);
  if (upload.state === 'COMPLETED') {
    return { upload, parts: [], receivedBytes: upload.sizeBytes };
  }
  const parts =
    upload.storeUploadId === null
      ? []
      : ((await context.store.listParts(objectKeyOf(upload), upload.storeUploadId)) ?? []);
  return { upload, parts, receivedBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
