import { describePassedOver } from '../../core/families.ts';
import { groupFamily } from '../../db/families.ts';
import type { Context } from '../context.ts';

interface Family {
  readonly folderId: string;
  readonly family: string;
}

/** Why the images of a family are passed over, with how many for each reason; empty when none is. */
export async function passedOver(context: Context, family: Family, now: number): Promise<string> {
  const [groups] = await context.db.read([groupFamily(context.db.orm, family, now)]);
  const standings = groups.map(({ candidate, ids, ...group }) => ({
    ...group,
    candidate: candidate === 1,
    ids: ids.split(','),
  }));
  return describePassedOver(standings, now);
}
