import { clouds } from '../schema/tables/identity.ts';
import type { Orm } from './client.ts';

/** The smallest question to which a database with this schema has an answer. */
export function probe(orm: Orm) {
  return orm.select({ id: clouds.id }).from(clouds).limit(1);
}
