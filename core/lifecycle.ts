/**
 * Every state machine, drawn once: from (state, event) to state. Nothing else decides what a status becomes.
 * GONE is a row that is deleted.
 */
import { failedPrecondition } from './errors.ts';

export const LIFECYCLES = {
  /**
   * DELETING lies in the trash: it can be brought back until it is purged. PURGED names nothing any more and is shown
   * as DELETING too, on demand, until it is forgotten. Without a trash, a deletion is trashed and purged in one batch;
   * a broken image is not worth keeping.
   */
  image: {
    CREATING: { accept: 'READY', refuse: 'GONE', cancel: 'GONE', expire: 'GONE', fail: 'GONE' },
    READY: { delete: 'DELETING', purge: 'PURGED', break: 'ERROR' },
    ERROR: { purge: 'PURGED' },
    DELETING: { undelete: 'READY', purge: 'PURGED' },
    PURGED: { forget: 'GONE' },
    GONE: {},
  },
  /** Disks and snapshots: an image's life without trash and without verdict. */
  volume: {
    CREATING: { finish: 'READY', cancel: 'GONE', fail: 'GONE' },
    READY: { delete: 'DELETING', break: 'ERROR' },
    ERROR: { delete: 'DELETING' },
    DELETING: { purge: 'GONE' },
    GONE: {},
  },
  /**
   * COMPLETING goes back when the store refuses the parts, so that the client can send them again. Until there is a
   * verdict a COMPLETED one can still be ended.
   */
  upload: {
    OPEN: { complete: 'COMPLETING', abort: 'ABORTED', expire: 'ABORTED' },
    COMPLETING: { finish: 'COMPLETED', refuse: 'OPEN', abort: 'ABORTED', expire: 'ABORTED' },
    COMPLETED: { abort: 'ABORTED' },
    ABORTED: {},
  },
  operation: {
    RUNNING: { succeed: 'DONE', fail: 'DONE', cancel: 'DONE' },
    DONE: {},
  },
  /**
   * A lease belongs to one worker until it lapses; then any worker may take it over. DEAD has used up its
   * attempts and is kept for the operator.
   */
  job: {
    READY: { lease: 'LEASED', drop: 'DONE' },
    LEASED: { finish: 'DONE', retry: 'READY', takeOver: 'LEASED', giveUp: 'DEAD', drop: 'DONE' },
    DONE: {},
    DEAD: { revive: 'READY' },
  },
  /**
   * PENDING has a key and no whole object; STORED has one, pinned by its ETag; VERIFIED has a verdict that
   * accepts, and only such a layer, or an UNNAMED one within its grace, may be named by a new row.
   * From DELETING there is no way back: a row that came too late has to find the layer gone.
   */
  layer: {
    PENDING: { store: 'STORED', abandon: 'DELETING' },
    STORED: { verify: 'VERIFIED', refuse: 'DELETING', abandon: 'DELETING' },
    VERIFIED: { unname: 'UNNAMED', lose: 'LOST' },
    UNNAMED: { name: 'VERIFIED', sweep: 'DELETING', lose: 'LOST' },
    LOST: { sweep: 'DELETING' },
    DELETING: { delete: 'DELETED' },
    DELETED: {},
  },
  /** PROCESSING has an answer to some of its quotas; it is settled when it has one to all. */
  quotaRequest: {
    PENDING: { review: 'PROCESSING', settle: 'PROCESSED', cancel: 'CANCELED' },
    PROCESSING: { review: 'PROCESSING', settle: 'PROCESSED' },
    PROCESSED: {},
    CANCELED: {},
  },
  /** One quota of a request. */
  quotaRequestItem: {
    PENDING: {
      approve: 'APPROVED',
      approveLess: 'PARTIAL_APPROVED',
      reject: 'REJECTED',
      cancel: 'CANCELED',
    },
    APPROVED: {},
    PARTIAL_APPROVED: {},
    REJECTED: {},
    CANCELED: {},
  },
  /** A deletion that waits for its day can be called off; one that has begun stops only at what may not go. */
  folder: {
    ACTIVE: { schedule: 'PENDING_DELETION', delete: 'DELETING' },
    PENDING_DELETION: { keep: 'ACTIVE', delete: 'DELETING' },
    DELETING: { purge: 'GONE', stop: 'ACTIVE' },
    GONE: {},
  },
} as const satisfies Record<string, Record<string, Record<string, string>>>;

type Lifecycles = typeof LIFECYCLES;
export type Machine = keyof Lifecycles;
export type StateOf<M extends Machine> = keyof Lifecycles[M] & string;
/** Events that any state of the machine knows. */
export type EventOf<M extends Machine> = {
  [S in keyof Lifecycles[M]]: keyof Lifecycles[M][S];
}[keyof Lifecycles[M]] &
  string;

/** The machine without the types that tell its states apart. */
function rowsOf(machine: Machine): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return LIFECYCLES[machine];
}

/** The state that an event leads to. errors: FAILED_PRECONDITION when the state does not know the event. */
export function next<M extends Machine>(machine: M, state: StateOf<M>, event: EventOf<M>): StateOf<M> {
  const to = rowsOf(machine)[state]?.[event];
  if (to === undefined) {
    const allowed = sources(machine, event).join(' or ');
    throw failedPrecondition(
      machine,
      'STATE',
      `The ${machine} is ${state}; to ${event} it must be ${allowed}`,
    );
  }
  return to as StateOf<M>;
}

/** Whether a state knows an event. */
export function can<M extends Machine>(machine: M, state: StateOf<M>, event: EventOf<M>): boolean {
  return rowsOf(machine)[state]?.[event] !== undefined;
}

/** The states in which an event may happen: what a guarded update asks of the row. */
export function sources<M extends Machine>(machine: M, event: EventOf<M>): readonly StateOf<M>[] {
  const rows = Object.entries(rowsOf(machine));
  return rows.filter(([, events]) => events[event] !== undefined).map(([state]) => state as StateOf<M>);
}

/** Whether nothing happens any more after this state. */
export function isFinal<M extends Machine>(machine: M, state: StateOf<M>): boolean {
  return Object.keys(rowsOf(machine)[state] ?? {}).length === 0;
}
