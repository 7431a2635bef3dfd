import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { afterAll, describe, expect } from 'vitest';
import { inspect } from '../../inspect/inspect.ts';
import { corpus, corpusReader } from '../corpus.ts';
import { itWith } from '../tools.ts';
import { startChromium } from './chromium.ts';

/** A Blob is held in the browser's memory, so the longest files stay out. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
const FILES = corpus().filter(({ bytes }) => bytes <= MAX_FILE_BYTES);

const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends.reverse()) end();
});

/** Serves the page, its script and the files, and collects what the page sends back. */
async function servePage(script: string): Promise<{ url: string; reports: Promise<Map<string, unknown>> }> {
  const collected = new Map<string, unknown>();
  let finish: (reports: Map<string, unknown>) => void;
  let fail: (error: Error) => void;
  const reports = new Promise<Map<string, unknown>>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  const answer = async (request: IncomingMessage): Promise<[type: string, body: string | Uint8Array]> => {
    const [, folder = '', name = ''] = (request.url ?? '').split('/');
    if (request.method === 'POST') {
      const body = await text(request);
      if (folder === 'reports') collected.set(name, JSON.parse(body));
      else if (body === '') finish(collected);
      else fail(new Error(`the page failed: ${body}`));
      return ['text/plain', ''];
    }
    if (folder === 'files' && name === '')
      return ['application/json', JSON.stringify(FILES.map(({ file }) => file))];
    const entry = FILES.find(({ file }) => file === name);
    if (folder === 'files' && entry !== undefined) {
      return ['application/octet-stream', await corpusReader(entry).read(0, entry.bytes)];
    }
    return folder === 'page.js'
      ? ['text/javascript', script]
      : ['text/html', '<!doctype html><script src="/page.js"></script>'];
  };
  const server: Server = createServer((request, response) => {
    answer(request).then(
      ([type, body]) => response.writeHead(200, { 'Content-Type': type }).end(body),
      (error: Error) => {
        fail(error);
        response.writeHead(500).end();
      },
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const timer = setTimeout(
    () =>
      fail(
        new Error(
          `the page did not end within ${TIMEOUT_MS / 1000} s; it had sent ${collected.size} reports`,
        ),
      ),
    TIMEOUT_MS,
  );
  ends.push(() => clearTimeout(timer));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, reports };
}

describe('in a browser', () => {
  itWith(['chromium'], 'finds in every sample, as a Blob, what it finds elsewhere', async (folder) => {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, 'page.ts')],
      bundle: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      target: 'es2022',
      logLevel: 'error',
    });
    const { url, reports } = await servePage(outputFiles[0]!.text);
    const chromium = startChromium(join(folder, 'profile'));
    try {
      await (await chromium.newPage()).open(url);
      const found = await reports;
      for (const entry of FILES) {
        expect(found.get(entry.file), entry.file).toEqual(await inspect(corpusReader(entry)));
      }
    } finally {
      await chromium.end();
    }
  });
});
