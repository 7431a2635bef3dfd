import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { D1Database } from '@cloudflare/workers-types';
import { projectFolder } from './project.ts';
import { Refusal } from './refusal.ts';

/** The table in which wrangler keeps what it applied, so that a database is the same whoever migrated it. */
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** The migrations of this version, in the order in which they are applied. in: `folder` from the project folder. */
export function knownMigrations(folder: string): readonly string[] {
  return readdirSync(join(projectFolder, folder))
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/**
 * Applies the migrations that the database lacks, in the order of their names, each whole or not at all.
 * in: `folder` from the project folder. out: the names applied now. Throws a Refusal when the database has one
 * that this version does not know.
 */
export async function applyMigrations(database: D1Database, folder: string): Promise<readonly string[]> {
  const known = knownMigrations(folder);
  await database.prepare(TABLE).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  const foreign = [...applied].filter((name) => !known.includes(name));
  if (foreign.length > 0) {
    throw new Refusal(
      `the state was made by a newer version (its database has ${foreign.join(', ')}); ` +
        'start that version or set BULLION_STATE to another folder',
    );
  }
  const missing = known.filter((name) => !applied.has(name));
  for (const name of missing) {
    const statements = readFileSync(join(projectFolder, folder, name), 'utf8')
      .split('--> statement-breakpoint')
      .map((statement) => statement.trim())
      .filter((statement) => statement !== '');
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
    ]);
  }
  return missing;
}
