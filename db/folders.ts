import { eq } from 'drizzle-orm';
import { folders } from '../schema/tables/identity.ts';
import type { Orm } from './client.ts';

export function findFolder(orm: Orm, id: string) {
  return orm.select().from(folders).where(eq(folders.id, id));
}
