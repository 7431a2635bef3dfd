/** What the Workers weigh as they are deployed, of what, and how long the registry takes to answer after a start. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { Log, LogLevel, Miniflare } from 'miniflare';
import { deployedText } from '../dev/build.ts';
import { type Deployment, readDeployment, type WorkerDeployment } from '../dev/deployment.ts';
import { buildInspection, buildRegistry, bundleModule, type WorkerBundle } from '../dev/worker-bundle.ts';
import { median } from './in-turn.ts';
import type { Measured, Part, Table } from './part.ts';
import { atMost } from './promises.ts';
import { rounded } from './results.ts';

const MAX_GZIP_BYTES = 250 * 1024;
/** Owners of less are counted together. */
const SHOWN_BYTES = 4000;
const WHOLE_ROUNDS = 21;
const QUICK_ROUNDS = 5;

/** What the Worker has to have before it answers that it runs; nobody is asked under these. */
const SETTINGS = {
  S3_ENDPOINT: 'http://127.0.0.1:9',
  S3_REGION: 'auto',
  S3_BUCKET: 'bullion',
  S3_ACCESS_KEY_ID: 'nobody',
  S3_SECRET_ACCESS_KEY: 'asks',
};

interface Weight {
  readonly gzipBytes: number;
  readonly minifiedBytes: number;
  readonly minifiedBytesBy: Readonly<Record<string, number>>;
}

async function run({ quick }: { readonly quick: boolean }): Promise<Measured> {
  const deployment = await readDeployment();
  const bundles = { registry: await buildRegistry(), inspection: await buildInspection() };
  const registry = weigh(bundles.registry, deployment);
  const inspection = weigh(bundles.inspection, deployment.inspection);

  const bare = await bundleModule('bench/bare-start.ts');
  const rounds = quick ? QUICK_ROUNDS : WHOLE_ROUNDS;
  const modules = [bundles.registry.text, bare] as const;
  const startRatio = rounded(await ratioOfStarts(modules, deployment, rounds));

  return {
    tables: [
      {
        title: 'The Workers as they are deployed',
        columns: [
          'Worker',
          'gzip bytes',
          'minified bytes',
          'first answer after a start, times a bare Worker',
        ],
        rows: [
          ['registry', registry.gzipBytes, registry.minifiedBytes, startRatio],
          ['inspection', inspection.gzipBytes, inspection.minifiedBytes, '-'],
        ],
      },
      tableOfWeights('What that of the registry is made of', registry),
      tableOfWeights('What that of the inspection is made of', inspection),
    ],
    promises: [
      atMost('gzip bytes of the Worker of the registry', registry.gzipBytes, MAX_GZIP_BYTES),
      atMost('gzip bytes of the Worker that inspects', inspection.gzipBytes, MAX_GZIP_BYTES),
    ],
    figures: { registry: { ...registry, startRatio }, inspection },
  };
}

function weigh({ text, bytesBySource }: WorkerBundle, { main }: WorkerDeployment): Weight {
  const deployed = deployedText(text, basename(main));
  return {
    // The level that wrangler uses for the figure that it prints.
    gzipBytes: gzipSync(deployed).length,
    minifiedBytes: deployed.length,
    minifiedBytesBy: byOwner(bytesBySource),
  };
}

/** How much longer a module takes to its first answer than another; they start in turn, and the medians count. */
async function ratioOfStarts(
  [module, other]: readonly [string, string],
  deployment: Deployment,
  rounds: number,
): Promise<number> {
  const times: number[][] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    times[0]?.push(await timeToFirstAnswer(module, deployment));
    times[1]?.push(await timeToFirstAnswer(other, deployment));
  }
  const [ours = 0, others = 0] = times.map(median);
  return ours / others;
}

/** Starts the runtime with a module, waits for its first answer, and ends it. out: milliseconds, without the end. */
async function timeToFirstAnswer(module: string, { compatibilityDate }: Deployment): Promise<number> {
  const began = performance.now();
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: module }],
    compatibilityDate,
    bindings: SETTINGS,
    d1Databases: ['DB'],
    queueProducers: { JOBS: 'jobs' },
    cf: false,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      stdout.resume();
      stderr.resume();
    },
  });
  try {
    const answer = await miniflare.dispatchFetch('http://bullion/healthz');
    if (!answer.ok) throw new Error(`the Worker answered ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
    return performance.now() - began;
  } finally {
    await miniflare.dispose();
  }
}

/** Minified bytes by package or by folder of the project, the most first. */
function byOwner(bytesBySource: Readonly<Record<string, number>>): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const [path, sourceBytes] of Object.entries(bytesBySource)) {
    const owner = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? `${path.split('/')[0]}/`;
    bytes[owner] = (bytes[owner] ?? 0) + sourceBytes;
  }
  const shown = Object.entries(bytes).filter(([, owned]) => owned >= SHOWN_BYTES);
  const others = Object.values(bytes).filter((owned) => owned < SHOWN_BYTES);
  shown.push(['others', others.reduce((sum, owned) => sum + owned, 0)]);
  return Object.fromEntries(shown.sort(([, a], [, b]) => b - a));
}

function tableOfWeights(title: string, { minifiedBytesBy }: Weight): Table {
  const weights = Object.entries(minifiedBytesBy);
  const whole = weights.reduce((sum, [, bytes]) => sum + bytes, 0);
  return {
    title,
    columns: ['folder or package', 'minified bytes', 'per cent'],
    rows: weights.map(([owner, bytes]) => [owner, bytes, Math.round((100 * bytes) / whole)]),
  };
}

export const bundle: Part = {
  name: 'bundle',
  about:
    'size of the Workers as they are deployed, and the start of the registry beside that of a bare Worker',
  run,
};
