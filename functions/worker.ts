import type { Bindings, JobMessage } from './context.ts';
import { createRegistryApp } from './http/routes.ts';
import { consumeDeadLetters, consumeJobs } from './queue/consume.ts';
import { runDuties } from './scheduled/duties.ts';

const app = createRegistryApp();

/** The three doors: a request, a message, a tick of the clock. */
export default {
  fetch: (request, bindings, execution) => app.fetch(request, bindings, execution),
  queue: (batch, bindings, execution) =>
    batch.queue.endsWith('dead-letters')
      ? consumeDeadLetters(batch, bindings, execution)
      : consumeJobs(batch, bindings, execution),
  scheduled: (_event, bindings, execution) => runDuties(bindings, execution),
} satisfies ExportedHandler<Bindings, JobMessage>;
