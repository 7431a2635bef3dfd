/** Registries with few images and with many, side by side, and the requests that they are asked with. */

import { Agent, request } from 'node:http';
import type { Workers } from '../dev/worker-bundle.ts';
import { type Population, populate } from './population.ts';
import { type BenchRegistry, withRegistry } from './registry.ts';

/** Of every list. */
export const PAGE_SIZE = 50;
const DEEP_PAGE = 1000;
const LARGEST_PAGE_SIZE = 1000;
const IMAGES = '/compute/v1/images';

export const READS = [
  'get',
  'get, by a viewer of the cloud',
  'latestByFamily',
  'list, first page',
  'list, page 1,000',
  'list by name',
  'list by a common label',
  'list by a rare label',
] as const;
/** One way of reading, as tables and promises call it. */
export type Read = (typeof READS)[number];

/** A registry with its images, and how each read is done there. */
export interface Shelf {
  readonly images: number;
  readonly registry: BenchRegistry;
  readonly ask: Readonly<Record<Read, (requestId?: string) => Promise<Answer>>>;
}

export interface Answer {
  readonly bytes: number;
  readonly text: string;
}

/** Starts a registry for each size; all of them run at the same time. */
export async function withShelves<T>(
  [images, ...others]: readonly number[],
  made: { readonly workers: Workers; readonly inspection: object },
  opened: readonly Shelf[],
  use: (shelves: readonly Shelf[]) => Promise<T>,
): Promise<T> {
  if (images === undefined) return await use(opened);
  return await withRegistry(
    async (registry) => {
      const population = await populate(await registry.local.database(), images, made.inspection);
      const shelf = { images, registry, ask: await readsOf(registry.local.url, population) };
      return await withShelves(others, made, [...opened, shelf], use);
    },
    { workers: made.workers },
  );
}

async function readsOf(url: string, population: Population): Promise<Shelf['ask']> {
  const { folderId, family, image, folderViewer, cloudViewer } = population;
  const get = (path: string) => asking(url, path, folderViewer.text);
  const list = (query: Readonly<Record<string, string>>) =>
    get(`${IMAGES}?${new URLSearchParams({ folderId, pageSize: String(PAGE_SIZE), ...query })}`);
  // The last page that has one behind it, where there are not so many.
  const pages = Math.min(DEEP_PAGE, Math.floor((population.folderImages - 1) / PAGE_SIZE));
  return {
    get: get(`${IMAGES}/${image.id}`),
    'get, by a viewer of the cloud': asking(url, `${IMAGES}/${image.id}`, cloudViewer.text),
    latestByFamily: get(`${IMAGES}:latestByFamily?${new URLSearchParams({ folderId, family })}`),
    'list, first page': list({}),
    'list, page 1,000': list({ pageToken: await tokenBehind(list, (pages - 1) * PAGE_SIZE) }),
    'list by name': list({ filter: `name = "${image.name}"` }),
    'list by a common label': list({ filter: 'labels.env = "prod"' }),
    'list by a rare label': list({ filter: `labels.build = "${image.build}"` }),
  };
}

/** The token of the page that begins behind so many images, of whatever size the pages before it were. */
async function tokenBehind(
  list: (query: Readonly<Record<string, string>>) => () => Promise<Answer>,
  images: number,
): Promise<string> {
  let pageToken = '';
  for (let left = images; left > 0; left -= LARGEST_PAGE_SIZE) {
    const pageSize = String(Math.min(left, LARGEST_PAGE_SIZE));
    const { text } = await list({ pageSize, ...(pageToken !== '' && { pageToken }) })();
    pageToken = JSON.parse(text).nextPageToken;
  }
  return pageToken;
}

/** A GET that is sent over one connection of its own; it fails unless the answer is a 200. */
export function asking(url: string, path: string, key?: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (requestId?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(key !== undefined && { Authorization: `Api-Key ${key}` }),
        ...(requestId !== undefined && { 'X-Request-Id': requestId }),
      };
      const sent = request(`${url}${path}`, { agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks);
          const text = body.toString();
          if (answer.statusCode === 200) resolve({ bytes: body.length, text });
          else reject(new Error(`GET ${path}: ${answer.statusCode} ${text}`));
        });
      });
      sent.on('error', reject);
      sent.end();
    });
}
