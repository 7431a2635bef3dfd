/** The page `/docs` in a browser that reaches nothing but this machine. */
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeDeployed } from '../../dev/build.ts';
import { readDeployment } from '../../dev/deployment.ts';
import { type Local, startLocal } from '../../dev/local.ts';
import type { Workers } from '../../dev/worker-bundle.ts';
import { eventually } from '../service/setup/eventually.ts';
import { itWith } from '../tools.ts';
import { type Page, startChromium } from './chromium.ts';

let workers: Promise<Workers> | undefined;

/** Starts a registry and a browser in a folder of the test, and ends both. */
async function withPage(folder: string, use: (page: Page, local: Local) => Promise<void>): Promise<void> {
  workers ??= readDeployment().then(makeDeployed);
  const local = await startLocal({
    state: join(folder, 'state'),
    port: 0,
    s3Port: 0,
    workers: await workers,
  });
  const chromium = startChromium(join(folder, 'profile'));
  try {
    const page = await chromium.newPage();
    await page.open(`${local.url}/docs`);
    const { paths } = await documentOf(local);
    const count = Object.values(paths).flatMap(Object.keys).length;
    // They come onto the page little by little.
    await page.until('the operations', `document.querySelectorAll('.opblock').length === ${count}`);
    await use(page, local);
  } finally {
    await chromium.end();
    await local.stop();
  }
}

interface ApiDocument {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
}

const documentOf = async ({ url }: Local) =>
  (await (await fetch(`${url}/openapi.json`)).json()) as ApiDocument;

/** What the browser complained of: its own log, the console, uncaught exceptions. */
function complaints({ events }: Page): string[] {
  const inConsole = events.filter(
    ({ method, params }) =>
      method === 'Runtime.exceptionThrown' ||
      (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(String(params.type))),
  );
  const inLog = events.filter(({ method }) => method === 'Log.entryAdded');
  return [...inConsole, ...inLog].map(({ params }) => JSON.stringify(params));
}

/** Every address that the page asked for. */
function requests({ events }: Page): string[] {
  return events
    .filter(({ method }) => method === 'Network.requestWillBeSent')
    .map(({ params }) => (params.request as { url: string }).url)
    .filter((url) => !url.startsWith('data:'));
}

const click = (page: Page, selector: string) =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);

async function fill(page: Page, selector: string, text: string): Promise<void> {
  await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
  await page.type(text);
  // A field that was left hands on at once what was typed into it.
  await page.evaluate('document.activeElement.blur()');
}

/** Opens an operation, fills its parameters and sends it; answers the status that the page shows. */
async function tryOut(
  page: Page,
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const block = `.opblock-get:has([data-path="${path}"])`;
  await click(page, `${block} .opblock-summary-control`);
  await page.until('the button to try it out', `document.querySelector('${block} .try-out__btn') !== null`);
  await click(page, `${block} .try-out__btn`);
  await page.until('the button to send it', `document.querySelector('${block} .execute') !== null`);
  for (const [name, value] of Object.entries(parameters)) {
    await fill(page, `${block} tr[data-param-name="${name}"] input`, value);
  }
  await click(page, `${block} .execute`);
  const status = `${block} .live-responses-table .response .response-col_status`;
  await page.until('the answer', `/\\d/.test(document.querySelector('${status}')?.textContent ?? '')`);
  return await page.evaluate(`document.querySelector('${status}').textContent.trim().slice(0, 3)`);
}

describe('/docs in a browser', () => {
  itWith(['chromium'], 'lists every operation and asks nobody else', async (folder) => {
    await withPage(folder, async (page, local) => {
      const document = await documentOf(local);
      const shown = await page.evaluate<{ tags: string[]; operations: string[]; title: string }>(`({
        title: document.querySelector('.info .title').textContent,
        tags: [...document.querySelectorAll('.opblock-tag')].map((tag) => tag.dataset.tag),
        operations: [...document.querySelectorAll('.opblock')].map((one) =>
          one.querySelector('.opblock-summary-method').textContent.toLowerCase() + ' ' +
          one.querySelector('[data-path]').dataset.path),
      })`);
      expect(shown.title).toContain('Bullion');
      expect(shown.tags).toEqual(document.tags.map(({ name }) => name));
      const operations = Object.entries(document.paths).flatMap(([path, item]) =>
        Object.keys(item).map((method) => `${method} ${path}`),
      );
      expect(shown.operations.sort()).toEqual(operations.sort());
      expect(requests(page).filter((url) => !url.startsWith(`${local.url}/`))).toEqual([]);
      expect(complaints(page)).toEqual([]);
    });
  });

  itWith(['chromium'], 'tries out calls, with a key once it was typed in', async (folder) => {
    await withPage(folder, async (page, local) => {
      expect(await tryOut(page, '/healthz', {})).toBe('200');
      const images = '/compute/v1/images';
      expect(await tryOut(page, images, { folderId: 'default' })).toBe('401');

      await click(page, '.auth-wrapper .authorize');
      await page.until('the dialog', `document.querySelector('.auth-container input') !== null`);
      await fill(page, '.auth-container input', `Api-Key ${local.adminKey()}`);
      await click(page, '.auth-btn-wrapper .authorize');
      await page.until(
        'that the key is taken',
        `document.querySelector('.auth-container .auth-btn-wrapper .modal-btn').textContent === 'Logout'`,
      );
      await click(page, '.auth-btn-wrapper .btn-done');

      await click(page, `.opblock-get:has([data-path="${images}"]) .execute`);
      await page.until(
        'the answer with the key',
        `document.querySelector('.opblock-get:has([data-path="${images}"]) .live-responses-table .response .response-col_status')
          ?.textContent.trim().startsWith('200') ?? false`,
      );
      expect(requests(page).filter((url) => !url.startsWith(`${local.url}/`))).toEqual([]);
      // The refusal before the key is all that the browser's log has.
      expect(complaints(page).filter((entry) => !entry.includes('status of 401'))).toEqual([]);
      expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage])')).toBe('[{},{}]');
    });
  });

  itWith(
    ['chromium'],
    'runs nothing of a page and reaches nobody that its policy does not name',
    async (folder) => {
      await withPage(folder, async (page, local) => {
        await page.evaluate(`new Promise((blocked) => {
        document.addEventListener('securitypolicyviolation', blocked, { once: true });
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
      })`);
        expect(await page.evaluate('window.ran === undefined')).toBe(true);
        const reached = `fetch(${JSON.stringify(local.s3Url)}).then(() => 'reached', () => 'refused')`;
        expect(await page.evaluate(reached)).toBe('refused');
        for (const directive of ["script-src 'self'", "connect-src 'self'"]) {
          await eventually(`a complaint that names ${directive}`, () =>
            complaints(page).some((entry) => entry.includes(directive)),
          );
        }
      });
    },
  );
});
