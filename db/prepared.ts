import { fillPlaceholders, sql } from 'drizzle-orm';
import type { Orm } from './client.ts';
import type { Query } from './containers.ts';

/** Stands for the values while a statement is built: any of them, by its name. */
const PLACEHOLDERS = new Proxy({}, { get: (_target, name: string) => sql.placeholder(name) });

/** A statement of the query builder that reads such rows. */
export interface Preparable<Row> {
  readonly _: Query<Row>['_'];
  prepare(): PreparedQuery;
}

interface PreparedQuery {
  getQuery(): { sql: string; params: unknown[] };
  mapResult(answer: unknown, isFromBatch: boolean): unknown;
}

/**
 * A statement that is built once for all requests, for those that nearly every request sends and hot reads send.
 * `build` is given placeholders for the values, so it may pass them on and nothing else.
 * out: the statement with its values, for a batch like any other.
 */
export function prepared<Values extends object, Row>(
  build: (orm: Orm, values: Values) => Preparable<Row>,
): (orm: Orm, values: Values) => Query<Row> {
  let built: { readonly text: string; readonly params: unknown[]; readonly query: PreparedQuery } | undefined;
  return (orm, values) => {
    if (built === undefined) {
      const query = build(orm, PLACEHOLDERS as Values).prepare();
      const { sql: text, params } = query.getQuery();
      built = { text, params, query };
    }
    const { text, params, query } = built;
    const filled = { sql: text, params: fillPlaceholders(params, values as Record<string, unknown>) };
    // What the query builder asks of each statement of a batch.
    const statement = {
      stmt: orm.$client.prepare(text),
      getQuery: () => filled,
      mapResult: (answer: unknown) => query.mapResult(answer, true),
    };
    return { _prepare: () => statement } as unknown as Query<Row>;
  };
}
