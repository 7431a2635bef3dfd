import type { D1Database, D1PreparedStatement } from '@cloudflare/workers-types';
import type { BatchItem, BatchResponse } from 'drizzle-orm/batch';
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';

/** What a context spent on the database, for the log line. */
export interface DatabaseCost {
  roundTrips: number;
  /** A batch is as many as it holds. */
  statements: number;
  rowsRead: number;
  rowsWritten: number;
}

/**
 * The query builder; files of `db/` make statements with it, `Database` sends them. Statements come from its
 * builders, with `sql` inside: its bare `run(sql…)` and `all(sql…)` lose their parameters in a batch on D1.
 */
export type Orm = DrizzleD1Database & { readonly $client: D1Database };
export type Statement = BatchItem<'sqlite'>;
/** What the statements of a batch answer, in their order. */
export type Answers<T extends readonly Statement[]> = BatchResponse<T>;

/**
 * Why a batch was undone. `guard`: a row was no longer in the expected state. `unique`: a row with this key exists.
 * `quota`: a use would pass its limit. In each case nothing was written: read again and decide again.
 */
export type ConflictKind = 'guard' | 'unique' | 'quota';

export class WriteConflict extends Error {
  override readonly name = 'WriteConflict';
  readonly kind: ConflictKind;
  constructor(kind: ConflictKind, cause: unknown) {
    super(`The batch was undone: ${kind}`, { cause });
    this.kind = kind;
  }
}

/** The database does not answer; nothing is known of whether a batch was written. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
}

/**
 * One door to D1. Every call is one batch, which is one transaction and one round trip, and is counted.
 */
export class Database {
  readonly orm: Orm;
  readonly cost: DatabaseCost = { roundTrips: 0, statements: 0, rowsRead: 0, rowsWritten: 0 };

  constructor(binding: D1Database) {
    this.orm = drizzle(counted(binding, this.cost));
  }

  /** Reads; the answers come in the order of the statements. */
  async read<U extends Statement, T extends Readonly<[U, ...U[]]>>(statements: T): Promise<Answers<T>> {
    try {
      return await this.orm.batch(statements);
    } catch (error) {
      throw new DatabaseUnavailable('D1 did not answer a read', { cause: error });
    }
  }

  /**
   * Writes all statements or none; what they return comes in their order. Throws `WriteConflict` when the world has
   * moved since it was read.
   */
  async write<T extends readonly Statement[]>(statements: readonly [...T]): Promise<Answers<T>> {
    try {
      return (await this.orm.batch(
        statements as unknown as readonly [T[number], ...T[number][]],
      )) as Answers<T>;
    } catch (error) {
      const kind = conflictKind(error);
      if (kind !== undefined) throw new WriteConflict(kind, error);
      throw new DatabaseUnavailable('D1 did not take a batch', { cause: error });
    }
  }
}

/** SQLite names the constraint in its message; drizzle may wrap that error, so the causes are looked through. */
function conflictKind(error: unknown): ConflictKind | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes('CHECK constraint failed: guards_hold')) return 'guard';
    if (cause.message.includes('quota exceeded')) return 'quota';
    if (cause.message.includes('UNIQUE constraint failed')) return 'unique';
  }
  return undefined;
}

/** The binding with its batches counted. Statements are always sent in batches, so no other call is counted. */
function counted(binding: D1Database, cost: DatabaseCost): D1Database {
  return new Proxy(binding, {
    get(target, property) {
      if (property === 'batch') {
        return async (statements: D1PreparedStatement[]) => {
          cost.roundTrips += 1;
          cost.statements += statements.length;
          const results = await target.batch(statements);
          for (const { meta } of results) {
            cost.rowsRead += meta.rows_read ?? 0;
            cost.rowsWritten += meta.rows_written ?? 0;
          }
          return results;
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
