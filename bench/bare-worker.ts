/** What a read costs at least: one query by primary key behind Hono, whose row is the answer. Nobody is asked for. */
import type { D1Database } from '@cloudflare/workers-types';
import { Hono } from 'hono';

const app = new Hono<{ Bindings: { DB: D1Database } }>();

app.get('/images/:imageId', async (c) => {
  const row = await c.env.DB.prepare('SELECT * FROM images WHERE id = ?')
    .bind(c.req.param('imageId'))
    .first();
  return row === null ? c.notFound() : c.json(row);
});

export default {
  fetch: app.fetch,
  /** The local runtime has a clock, which nothing here waits for. */
  scheduled() {},
};
