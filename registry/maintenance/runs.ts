import { invalidField, RegistryError } from '../../core/errors.ts';
import { decodePageToken, encodePageToken } from '../../core/page-token.ts';
import type { Permission } from '../../core/roles.ts';
import { lastRuns, listRuns as pageOfRuns } from '../../db/maintenance.ts';
import { type Access, readAs, readInput } from '../authorize.ts';
import type { CallerContext } from '../context.ts';
import { openBudget, RUN } from '../duties/budget.ts';
import { DUTIES, DUTY_NAMES, type DutyName, isDutyName } from '../duties/duties.ts';
import type { Duty } from '../duties/duty.ts';
import type { Page } from '../lists.ts';
import { type Run, runDuty } from './run-duty.ts';

/** Maintenance is of all tenants: only roles on the caller's organization count. */
const SCOPE = { kind: 'ownOrganization', id: '' } as const;

/** A duty, and the last run of it that is recorded. */
export interface DutyInfo {
  readonly name: DutyName;
  readonly description: string;
  readonly lastRun: Run | undefined;
}

/**
 * Runs one slice of a duty now. in: `dryRun` changes nothing; `apply` mends what a duty that only reports has found.
 * Throws INVALID_ARGUMENT, PERMISSION_DENIED.
 */
export async function startRun(
  context: CallerContext,
  { duty, dryRun, apply }: { duty: string; dryRun: boolean; apply: boolean },
): Promise<Run> {
  const name = await readInput(context, () => {
    const known = demandDuty(duty);
    if (apply && dryRun) throw invalidField('apply', 'cannot go with dry_run: leave one of them out');
    if (apply && (DUTIES[known] as Duty).reportsFirst !== true) {
      throw invalidField(
        'apply',
        `is for duties that only report; ${known} does what it finds: leave it out`,
      );
    }
    return known;
  });
  const { access } = await readAs(context, SCOPE, []);
  demandPermission(access, 'maintenance.runs.create');
  const { run } = await runDuty(context, {
    duty: name,
    dryRun,
    apply,
    startedBy: access.callerId,
    budget: openBudget(context, RUN),
  });
  return run;
}

/** The recorded runs, newest first. Throws INVALID_ARGUMENT, PERMISSION_DENIED. */
export async function listRuns(
  context: CallerContext,
  {
    duty,
    pageSize,
    pageToken,
  }: { duty?: string | undefined; pageSize: number; pageToken?: string | undefined },
): Promise<Page<Run>> {
  const query = ['maintenance runs', duty ?? ''];
  const before = await readInput(context, () => {
    if (duty !== undefined) demandDuty(duty);
    return pageToken ? Number(decodePageToken(query, pageToken).value) : undefined;
  });
  const { access, rows } = await readAs(context, SCOPE, [
    pageOfRuns(context.db.orm, duty, pageSize + 1, before),
  ]);
  demandPermission(access, 'maintenance.runs.list');
  const [found] = rows;
  const items = found.slice(0, pageSize);
  const last = items.at(-1);
  if (found.length === items.length || last === undefined) return { items };
  return { items, nextPageToken: encodePageToken(query, { value: last.sequence, id: last.id }) };
}

/** Every duty, in the order in which the clock runs them. Throws PERMISSION_DENIED. */
export async function listDuties(context: CallerContext): Promise<readonly DutyInfo[]> {
  const { access, rows } = await readAs(context, SCOPE, [lastRuns(context.db.orm)]);
  demandPermission(access, 'maintenance.runs.list');
  return DUTY_NAMES.map((name) => ({
    name,
    description: DUTIES[name].description,
    lastRun: rows[0].find(({ duty }) => duty === name),
  }));
}

function demandDuty(name: string): DutyName {
  if (isDutyName(name)) return name;
  throw invalidField('duty', `there is no duty of this name; there are ${DUTY_NAMES.join(', ')}`);
}

function demandPermission(access: Access, permission: Permission): void {
  if (access.allows(permission)) return;
  throw new RegistryError(
    'PERMISSION_DENIED',
    `Permission denied to maintenance: ${permission} on the organization is needed`,
  );
}
