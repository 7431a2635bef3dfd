import type { CallerContext } from '../context.ts';
import type { Operation } from '../operations/record.ts';
import { createFromLayer } from './from-layer.ts';
import { createFromUpload } from './from-upload.ts';
import { createFromUri } from './from-uri.ts';
import type { CreateImage } from './new-image.ts';

/**
 * Begins an image: its rows, its quota and its operation are written together or not at all.
 * out: the operation, which is done when no byte has to move. Throws INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED,
 * FAILED_PRECONDITION, ALREADY_EXISTS, RESOURCE_EXHAUSTED.
 */
export async function createImage(context: CallerContext, input: CreateImage): Promise<Operation> {
  const { source } = input;
  switch (source.kind) {
    case 'upload':
      return await createFromUpload(context, { ...input, source });
    case 'image':
    case 'disk':
    case 'snapshot':
      return await createFromLayer(context, { ...input, source });
    case 'uri':
      return await createFromUri(context, { ...input, source });
  }
}
