import { invalidField } from '../../core/errors.ts';
import { hasOrigin } from '../../outbound/destination.ts';
import { storeOrigins, type WorkerSettings } from '../../schema/settings.ts';
import { readInput, readToChange, requireFolder } from '../authorize.ts';
import { decideAgain } from '../conflicts.ts';
import type { CallerContext } from '../context.ts';
import { demandActive } from '../identity/active.ts';
import type { Operation } from '../operations/record.ts';
import { createIncoming } from './incoming.ts';
import { type CreateImage, placeQueries, type UriSource } from './new-image.ts';

/**
 * Begins an image whose bytes the registry fetches from a link. Nothing is asked of the host yet: what is learnt by
 * asking ends the operation. out: a running operation that copies. Throws INVALID_ARGUMENT for a link to elsewhere.
 */
export async function createFromUri(
  context: CallerContext,
  input: CreateImage<UriSource>,
): Promise<Operation> {
  const url = await readInput(context, () => linkOf(context, input.source));
  return await decideAgain(async () => {
    const { access, rows, replay } = await readToChange(
      context,
      { kind: 'folder', id: input.folderId },
      placeQueries(context, input),
    );
    const [[folderRow], quotas, [operations], [namesake]] = rows;
    const folder = requireFolder(folderRow, access, 'compute.images.create', input.folderId);
    if (replay !== undefined) return replay;
    demandActive(folder);
    return await createIncoming(
      context,
      input,
      { access, folder, quotas, operations, namesake },
      {
        // Queries are signatures.
        source: { kind: 'uri', uri: `${url.origin}${url.pathname}` },
        sourceUri: url.href,
        sizeBytes: 0,
        partSizeBytes: 0,
        partCount: 0,
        sha256: null,
        declaredFormat: null,
        fileName: null,
      },
    );
  });
}

/** The link as it will be fetched. */
function linkOf({ outbound, settings }: CallerContext, { uri }: UriSource): URL {
  const { url, fault } = outbound.judge(uri);
  if (fault !== undefined) throw invalidField('uri', fault);
  if (hasOrigin(url, importOrigins(settings))) return url;
  throw invalidField('uri', `must lead to ${shownOrigins(settings).join(' or ')}, where links may come from`);
}

/** Where links may lead: to the object store itself unless the settings say otherwise. */
function importOrigins(settings: WorkerSettings): readonly string[] {
  const { BULLION_IMPORT_ORIGINS: origins } = settings;
  return origins.length > 0 ? origins : storeOrigins(settings);
}

/** What of that is told: of the object store only the address that clients know, which comes last. */
function shownOrigins(settings: WorkerSettings): readonly string[] {
  const { BULLION_IMPORT_ORIGINS: origins } = settings;
  return origins.length > 0 ? origins : storeOrigins(settings).slice(-1);
}
