import { notFound, RegistryError } from '../../core/errors.ts';
import type { CallerContext } from '../context.ts';
import type { Operation } from '../operations/record.ts';
import { createFromUpload } from './from-upload.ts';
import type { CreateImage, NamedSource, UriSource } from './new-image.ts';

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
    default:
      throw unavailableSource(source);
  }
}

/** A disk or a snapshot is unknown to a registry that keeps neither; the others are not taken yet. */
function unavailableSource(source: NamedSource | UriSource): RegistryError {
  if (source.kind === 'disk') return notFound('Disk', source.id);
  if (source.kind === 'snapshot') return notFound('Snapshot', source.id);
  const field = source.kind === 'uri' ? 'uri' : 'image_id';
  return new RegistryError(
    'UNIMPLEMENTED',
    `This registry makes images from uploads only; use upload instead of ${field}`,
  );
}
