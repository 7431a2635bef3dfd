import { readFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';

/**
 * Modules that packages import and that nothing in the Worker calls, by their path in `node_modules`. A bundle has
 * functions that throw in place of what they export, so a call that was missed here says where to look.
 */
export const LEFT_OUT: readonly string[] = [
  // Shapes are not turned into JSON Schema here.
  'zod/v4/core/json-schema-processors.js',
  'zod/v4/core/to-json-schema.js',
  // The tables are not declared as relations.
  'drizzle-orm/relations.js',
  'drizzle-orm/sqlite-core/query-builders/query.js',
  'drizzle-orm/pg-core/columns/common.js',
  // `storage/connection.ts` says where the store is, and which scheme signs.
  '@aws-sdk/client-s3/dist-es/endpoint/endpointResolver.js',
  '@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js',
  // No call of the store is a stream of events.
  '@smithy/core/dist-es/submodules/event-streams/EventStreamSerde.js',
  '@smithy/core/dist-es/submodules/event-streams/eventstream-codec/EventStreamCodec.js',
  '@smithy/core/dist-es/submodules/event-streams/eventstream-codec/HeaderMarshaller.js',
  '@smithy/core/dist-es/submodules/event-streams/eventstream-serde/EventStreamMarshaller.browser.js',
  '@smithy/core/dist-es/submodules/event-streams/eventstream-serde-universal/getChunkedStream.js',
  '@smithy/core/dist-es/submodules/event-streams/eventstream-serde-universal/getUnmarshalledStream.js',
  // The platform hashes; no other checksums are asked for, and no body is sent in signed chunks.
  '@aws-sdk/checksums/dist-es/submodules/crc/crc32c/Crc32cJs.js',
  '@aws-sdk/checksums/dist-es/submodules/crc/crc64-nvme/Crc64NvmeJs.js',
  '@aws-sdk/checksums/dist-es/submodules/sha/sha1/Sha1Js.js',
  '@smithy/core/dist-es/submodules/checksum/crc32/Crc32Js.js',
  '@smithy/core/dist-es/submodules/checksum/md5/Md5Js.js',
  '@smithy/core/dist-es/submodules/checksum/sha256/Sha256Js.js',
  '@smithy/core/dist-es/submodules/serde/util-stream/checksum/createChecksumStream.browser.js',
  '@smithy/core/dist-es/submodules/serde/util-stream/createBufferedReadable.browser.js',
  '@smithy/core/dist-es/submodules/serde/util-stream/getAwsChunkedEncodingStream.browser.js',
  // Retries are the standard ones.
  '@smithy/core/dist-es/submodules/retry/util-retry/AdaptiveRetryStrategy.js',
  '@smithy/core/dist-es/submodules/retry/util-retry/DefaultRateLimiter.js',
];

/** Of every command of S3, the bundler drops what the Worker does not use only when no key has to be computed. */
export const S3_SCHEMAS = '@aws-sdk/client-s3/dist-es/schemas/schemas_0.js';

/** `/any/folder/node_modules/zod/index.js` → `zod/index.js`. */
export function pathInPackages(path: string): string {
  return path.replaceAll('\\', '/').replace(/^.*node_modules\//, '');
}

/** Bundles without those modules, and without what only stands beside what is used. */
export const leftOut: Plugin = {
  name: 'left-out',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/]|[\\/]package\.json$/ }, async ({ path }) => {
      const inPackages = pathInPackages(path);
      if (LEFT_OUT.includes(inPackages)) return { contents: throwing(await exportsOf(path), inPackages) };
      if (inPackages === S3_SCHEMAS) return { contents: withPlainKeys(readFileSync(path, 'utf8')) };
      // Of the description of a package, the own one too, only the version is read.
      if (inPackages.endsWith('/package.json')) {
        const { version } = JSON.parse(readFileSync(path, 'utf8'));
        return { contents: JSON.stringify({ version }), loader: 'json' };
      }
      return undefined;
    });
  },
};

async function exportsOf(path: string): Promise<readonly string[]> {
  const { metafile } = await build({
    entryPoints: [path],
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return Object.values(metafile.outputs).flatMap((output) => output.exports);
}

function throwing(names: readonly string[], path: string): string {
  const leftOut = `function leftOut() { throw new Error('left out: ${path}'); }`;
  return `${leftOut}\nexport { ${names.map((name) => `leftOut as ${name}`).join(', ')} };`;
}

/** `{ [_h]: 1 }` → `{ "http": 1 }` for every constant at the top of the module. */
function withPlainKeys(source: string): string {
  const texts = new Map(
    [...source.matchAll(/^const (\w+) = ("[^"\\]*");$/gm)].map(([, name, text]) => [name, text]),
  );
  return source.replace(/\[(\w+)\]:/g, (key, name) => (texts.has(name) ? `${texts.get(name)}:` : key));
}
