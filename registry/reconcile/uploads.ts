import { knownUploads } from '../../db/reconcile.ts';
import type { Part } from './pass.ts';

const PREFIX = 'layers/';
const PAGE = 200;

/** Finds open uploads of the store whose id was lost before it could be written down, and ends them. */
export const compareUploads: Part = async (pass, after) => {
  const { context, budget, mendedBy } = pass;
  const last =
    after === undefined ? undefined : (JSON.parse(after) as { key: string; storeUploadId: string });
  const { items, more } = await context.store.listUploads(PREFIX, last, PAGE);
  const old = items.filter(({ initiatedAt }) => initiatedAt < pass.old);
  const [known] = await context.db.read([
    knownUploads(
      context.db.orm,
      old.map(({ storeUploadId }) => storeUploadId),
    ),
  ]);
  const knownIds = new Set(known.map(({ id }) => id));
  let reached = after;
  for (const { key, storeUploadId, initiatedAt } of items) {
    if (!budget.allows(3)) return reached ?? '';
    if (initiatedAt < pass.old && !knownIds.has(storeUploadId)) {
      const mended = mendedBy !== undefined;
      if (mended) await context.store.abortMultipart(key, storeUploadId);
      const since = new Date(initiatedAt).toISOString();
      pass.found('UNKNOWN_UPLOAD', { key, storeUploadId, initiatedAt: since, mended });
    }
    pass.looked({ uploads: 1 });
    reached = JSON.stringify({ key, storeUploadId });
  }
  return more ? reached : undefined;
};
