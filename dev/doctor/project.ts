import type { Deployment } from '../deployment.ts';
import { type Check, fail, ok } from './check.ts';

/** Bindings by which the Worker knows its parts. */
const DATABASE = 'DB';
const QUEUE = 'JOBS';
const ASSETS = 'ASSETS';
const INSPECTION = 'INSPECTION';

/** Whether `wrangler.toml` binds everything that the Worker asks for. */
export function bindingChecks(deployment: Deployment): Check[] {
  const { databases, producers, consumers, assets, crons, services, inspection } = deployment;
  const jobs = producers.find(({ binding }) => binding === QUEUE)?.queue;
  const consumer = consumers.find(({ queue }) => queue === jobs);
  const deadLetters = consumer?.deadLetterQueue;
  const faults = [
    !databases.some(({ binding }) => binding === DATABASE) &&
      `a [[d1_databases]] with binding = "${DATABASE}"`,
    jobs === undefined && `a [[queues.producers]] with binding = "${QUEUE}"`,
    consumer === undefined && `a [[queues.consumers]] for the queue of "${QUEUE}"`,
    consumer !== undefined &&
      (deadLetters === undefined || !consumers.some(({ queue }) => queue === deadLetters)) &&
      `a dead_letter_queue of ${consumer.queue}, and a [[queues.consumers]] for it`,
    !services.some(({ binding, service }) => binding === INSPECTION && service === inspection.name) &&
      `a [[services]] with binding = "${INSPECTION}" and service = "${inspection.name}"`,
    assets.binding !== ASSETS && `[assets] with binding = "${ASSETS}"`,
    crons.length === 0 && '[triggers] with crons = ["* * * * *"]',
  ].filter((fault) => fault !== false);
  if (faults.length === 0)
    return [ok('bindings', `${DATABASE}, ${QUEUE}, ${ASSETS}, ${INSPECTION}, queues and clock`)];
  return faults.map((fault) =>
    fail('bindings', `wrangler.toml has not ${fault}`, 'add it to wrangler.toml as the repository has it'),
  );
}
