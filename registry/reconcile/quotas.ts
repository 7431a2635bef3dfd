import { QUOTAS, type QuotaId } from '../../core/quotas.ts';
import { WriteConflict } from '../../db/client.ts';
import { cloudsAfter, countUse, recount } from '../../db/counted-use.ts';
import { clearGuards } from '../../db/guards.ts';
import { quotasOfCloud } from '../../db/quotas.ts';
import { auditRow } from '../audit/record.ts';
import { SIZE_OF_TYPE } from '../quotas/disk.ts';
import type { Part, Pass } from './pass.ts';

const CLOUDS_PER_STEP = 10;
const REQUESTS_EACH = 60;

/** Counts what each cloud uses from its rows, and holds the figures that are kept with them against that. */
export const compareQuotas: Part = async (pass, after) => {
  const { context, budget } = pass;
  const [clouds] = await context.db.read([cloudsAfter(context.db.orm, after ?? '', CLOUDS_PER_STEP)]);
  let reached = after;
  for (const { id } of clouds) {
    if (!budget.allows(REQUESTS_EACH)) return reached ?? '';
    await compareCloud(pass, id);
    pass.looked({ clouds: 1 });
    reached = id;
  }
  return clouds.length === CLOUDS_PER_STEP ? reached : undefined;
};

async function compareCloud(pass: Pass, cloudId: string): Promise<void> {
  const { context, mendedBy } = pass;
  const { orm } = context.db;
  // One batch, so that both are of the same moment.
  const [[counted], quotas] = await context.db.read([
    countUse(orm, cloudId, SIZE_OF_TYPE),
    quotasOfCloud(orm, cloudId),
  ]);
  for (const [quotaId, count] of Object.entries(counted ?? {}) as [QuotaId, number][]) {
    const row = quotas.find((quota) => quota.quotaId === quotaId);
    const usage = row?.usage ?? 0;
    if (usage === count) continue;
    let mended = false;
    if (mendedBy !== undefined) {
      const limit = row?.limit ?? QUOTAS[quotaId].defaultLimit;
      mended = await mend(pass, cloudId, { quotaId, limit, usage, count });
    }
    pass.found('WRONG_QUOTA', { cloudId, quotaId, usage, counted: count, mended });
  }
}

/** out: false when the limit was changed meanwhile: the next comparison finds the figure again. */
async function mend(
  { context, mendedBy = '' }: Pass,
  cloudId: string,
  wrong: { quotaId: QuotaId; limit: number; usage: number; count: number },
): Promise<boolean> {
  const { orm } = context.db;
  const { quotaId, limit, usage, count } = wrong;
  try {
    await context.db.write([
      ...recount(orm, cloudId, quotaId, limit, SIZE_OF_TYPE),
      auditRow(context, {
        actorId: mendedBy,
        action: 'maintenance.reconcile',
        resource: { kind: 'cloud', id: cloudId, folderId: null, cloudId },
        before: { usage: { [quotaId]: usage } },
        after: { usage: { [quotaId]: count } },
      }),
      clearGuards(orm),
    ]);
    return true;
  } catch (error) {
    if (error instanceof WriteConflict) return false;
    throw error;
  }
}
