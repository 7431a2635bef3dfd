import type { D1Database } from '@cloudflare/workers-types';

/** All rows of all tables as one text, to look for what must not be in them. */
export async function everything(database: D1Database): Promise<string> {
  const { results: tables } = await database
    .prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
    )
    .all<{ name: string }>();
  const rows = await Promise.all(
    tables.map(async ({ name }) => (await database.prepare(`SELECT * FROM "${name}"`).all()).results),
  );
  return JSON.stringify(Object.fromEntries(tables.map(({ name }, index) => [name, rows[index]])));
}
