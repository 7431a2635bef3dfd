import { QUOTAS, type QuotaId } from '../../core/quotas.ts';
import type { Orm, Statement } from '../../db/client.ts';
import {
  changeUsage,
  claimLayerBytes,
  ensureQuota,
  type NamesLayer,
  releaseLayerBytes,
  type StoredBytesQuota,
} from '../../db/quotas.ts';

/** What something new takes of its cloud's quotas. */
export type Demand = Readonly<Partial<Record<QuotaId, number>>>;

/** Takes the use in the batch that writes the row; past a limit the whole batch is undone. */
export function claim(orm: Orm, cloudId: string, demand: Demand): Statement[] {
  return (Object.entries(demand) as [QuotaId, number][]).flatMap(([quotaId, amount]) => [
    ensure(orm, cloudId, quotaId),
    changeUsage(orm, cloudId, quotaId, amount),
  ]);
}

/** Gives use back, in the batch that deletes the row. */
export function release(orm: Orm, cloudId: string, demand: Demand): Statement[] {
  return (Object.entries(demand) as [QuotaId, number][]).map(([quotaId, amount]) =>
    changeUsage(orm, cloudId, quotaId, -amount),
  );
}

/** Takes the bytes of an existing layer that the row of the same batch names, unless its cloud counts them already. */
export function claimLayer(orm: Orm, quotaId: StoredBytesQuota, row: NamesLayer): Statement[] {
  return [ensure(orm, row.cloudId, quotaId), claimLayerBytes(orm, quotaId, row)];
}

/** Gives the bytes of a layer back when nothing else that counts in the cloud names it. */
export function releaseLayer(orm: Orm, quotaId: StoredBytesQuota, row: NamesLayer): Statement[] {
  return [releaseLayerBytes(orm, quotaId, row)];
}

function ensure(orm: Orm, cloudId: string, quotaId: QuotaId): Statement {
  return ensureQuota(orm, cloudId, quotaId, QUOTAS[quotaId].defaultLimit);
}
