import { type FamilyPlace, familiesHeard } from '../../db/announced-latest.ts';
import { findDutyState, keepDutyState } from '../../db/maintenance.ts';
import { announceLatest, writeAndTell } from '../webhooks/announce.ts';
import type { Duty, ReportItem } from './duty.ts';

/** The row that keeps how far the walk is. */
const STATE = 'announce-latest';
const START: FamilyPlace = { folderId: '', family: '' };
/** How often the clock begins a walk. */
const WALKS_EACH_MS = 3_600_000;
const FAMILIES_PER_RUN = 500;
/** A batch, and a message for each webhook of a folder. */
const REQUESTS_EACH = 15;

/**
 * Changes announce the latest in their own batches, and so does what notes that a date has come. This finds what none
 * of them told: once an hour it walks over all families of folders with webhooks, some of them in each run; by hand
 * at once.
 */
export const announceChangedLatest: Duty = {
  description: 'Tells webhooks which image is the latest of a family where nothing else has told it',
  async run(context, { dryRun, startedBy, budget }) {
    const { orm } = context.db;
    const [[state]] = await context.db.read([findDutyState(orm, STATE)]);
    const isResting = state?.cursor === null && state.updatedAt > context.now() - WALKS_EACH_MS;
    if (isResting && startedBy === undefined) return { done: 0, more: false, report: [] };
    let place = (state?.cursor as FamilyPlace | null | undefined) ?? START;
    const [found] = await context.db.read([familiesHeard(orm, place, context.now(), FAMILIES_PER_RUN + 1)]);
    let more = found.length > FAMILIES_PER_RUN;
    const report: ReportItem[] = [];
    for (const { changed, ...name } of found.slice(0, FAMILIES_PER_RUN)) {
      if (changed === 1) {
        if (!dryRun && !budget.allows(REQUESTS_EACH)) {
          more = true;
          break;
        }
        if (!dryRun) await writeAndTell(context, announceLatest(context, name));
        report.push(name);
      }
      place = name;
    }
    const cursor = more ? { ...place } : null;
    if (!dryRun) await context.db.write([keepDutyState(orm, STATE, cursor, context.now())]);
    return { done: report.length, more, report };
  },
};
