import { join } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { LEFT_OUT, leftOut, pathInPackages, S3_SCHEMAS } from './left-out.ts';
import { projectFolder } from './project.ts';

/** The sources of the Workers; `main` of their files for wrangler names what is made of each. */
const REGISTRY = 'functions/worker.ts';
const INSPECTION = 'functions/inspection.ts';

/** The modules of all Workers, as text. */
export interface Workers {
  /** Answers requests, works on jobs, and does what the clock says. */
  readonly registry: string;
  /** Inspects images for it. */
  readonly inspection: string;
}

/** How modules for workerd are bundled. */
const RECIPE = {
  absWorkingDir: projectFolder,
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd', 'worker', 'browser'],
  mainFields: ['browser', 'module', 'main'],
  external: ['node:*', 'cloudflare:*'],
  // The SDK's browser build reads XML with DOMParser, which Workers do not have; this file is its parser without it.
  alias: { '@aws-sdk/xml-builder': '@aws-sdk/xml-builder/dist-cjs/index.js' },
  logLevel: 'silent',
} as const satisfies BuildOptions;

export interface WorkerBundle {
  /** The one module. */
  readonly text: string;
  /** Its source map, as text. */
  readonly sourceMap: string;
  /** How many bytes of the module each source file became, by its path from the project folder. */
  readonly bytesBySource: Readonly<Record<string, number>>;
}

/** The Worker of the registry. Of packages, it has not what `left-out.ts` names. */
export async function buildRegistry(): Promise<WorkerBundle> {
  const { metafile, ...bundle } = await buildWorker(REGISTRY);
  const met = new Set(Object.keys(metafile.inputs).map(pathInPackages));
  const gone = [...LEFT_OUT, S3_SCHEMAS].filter((path) => !met.has(path));
  if (gone.length > 0) throw new Error(`dev/left-out.ts names what nothing imports: ${gone.join(', ')}`);
  return bundle;
}

/** The Worker that inspects images. */
export async function buildInspection(): Promise<WorkerBundle> {
  return await buildWorker(INSPECTION);
}

/**
 * Bundles a Worker: wrangler deploys what comes out as it is (`no_bundle`), and `npm start` and the tests run the same
 * bytes. Throws with esbuild's messages.
 */
async function buildWorker(entry: string): Promise<WorkerBundle & { readonly metafile: Metafile }> {
  const outfile = join(projectFolder, 'worker.js');
  const { outputFiles, metafile } = await build({
    ...RECIPE,
    entryPoints: [entry],
    outfile,
    plugins: [leftOut],
    // Names of functions and classes go too: errors have theirs as a field, and the source map tells the rest.
    minify: true,
    legalComments: 'none',
    sourcemap: 'external',
    metafile: true,
  });
  const text = outputFiles.find(({ path }) => path === outfile)?.text;
  const sourceMap = outputFiles.find(({ path }) => path === `${outfile}.map`)?.text;
  if (text === undefined || sourceMap === undefined) throw new Error(`${entry} gave no bundle`);
  return { text, sourceMap, bytesBySource: bytesBySource(metafile), metafile };
}

function bytesBySource({ outputs }: Metafile): Record<string, number> {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  return Object.fromEntries(inputs.map(([path, { bytesInOutput }]) => [path, bytesInOutput]));
}

/** Another module, with everything that it imports. in: its path from the project folder. out: its text. */
export async function bundleModule(entry: string): Promise<string> {
  const { outputFiles } = await build({ ...RECIPE, entryPoints: [entry] });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`${entry} gave no bundle`);
  return output.text;
}
