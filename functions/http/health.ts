import { readiness } from '../../registry/health/readiness.ts';
import * as z from '../../schema/zod.ts';
import { openContext } from '../context.ts';
import { describeError, log } from '../log.ts';
import { VERSION } from '../version.ts';
import { type App, answer, route } from './app.ts';

const TAGS = ['Health'];
const healthy = z.object({ status: z.literal('ok'), version: z.string() }).openapi('Health');
const part = z.enum(['ok', 'failed']);
const ready = z
  .object({ status: part, database: part, bucket: part, queue: part, inspection: part })
  .openapi('Readiness');

const healthz = route({
  method: 'get',
  path: '/healthz',
  operationId: 'health.live',
  open: true,
  tags: TAGS,
  summary: 'Whether the registry runs',
  responses: answer(healthy, 'It runs'),
});

const readyz = route({
  method: 'get',
  path: '/readyz',
  operationId: 'health.ready',
  open: true,
  tags: TAGS,
  summary: 'Whether every part of the registry answers',
  responses: {
    ...answer(ready, 'Every part answers'),
    503: { description: 'A part does not answer', content: { 'application/json': { schema: ready } } },
  },
});

export function mountHealth(app: App): void {
  app.openapi(healthz, (c) => c.json({ status: 'ok' as const, version: VERSION }, 200));

  app.openapi(readyz, async (c) => {
    const requestId = c.get('requestId');
    const context = openContext(c.env, c.executionCtx, requestId);
    const parts = await readiness(
      context,
      () => c.env.JOBS.send({ jobId: '' }),
      (name, error) =>
        log('error', { event: 'not ready', requestId, part: name, error: describeError(error) }),
    );
    const state = (name: string) =>
      parts.some((one) => one.part === name && one.ready) ? ('ok' as const) : ('failed' as const);
    const all = parts.every((one) => one.ready);
    if (!all) c.set('outcome', 'UNAVAILABLE');
    return c.json(
      {
        status: all ? ('ok' as const) : ('failed' as const),
        database: state('database'),
        bucket: state('bucket'),
        queue: state('queue'),
        inspection: state('inspection'),
      },
      all ? 200 : 503,
    );
  });
}
