/** `GET /docs`: the page that shows the document, served with the API. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFolder } from '../../dev/project.ts';
import { Client } from './client.ts';
import { registry } from './setup/registry.ts';

const nobody = new Client(registry.url, undefined);
const FILES = [
  ['/docs/', 'text/html'],
  ['/docs/page.js', 'text/javascript'],
  ['/docs/page.css', 'text/css'],
  ['/docs/swagger-ui-bundle.js', 'text/javascript'],
  ['/docs/swagger-ui.css', 'text/css'],
  ['/docs/favicon-16x16.png', 'image/png'],
  ['/docs/favicon-32x32.png', 'image/png'],
] as const;

describe('the page', () => {
  test('is where /docs leads', async () => {
    for (const path of ['/docs', '/docs/index.html']) {
      const answer = await nobody.send('GET', path);
      expect([answer.status, answer.headers.get('Location')]).toEqual([307, '/docs/']);
    }
    const { text } = await nobody.send('GET', '/docs/');
    expect(text).toContain('<title>Bullion');
    // A script in the page itself would need a weaker policy.
    for (const [, attributes, script] of text.matchAll(/<script([^>]*)>([^<]*)/g)) {
      expect([attributes, script]).toEqual([expect.stringContaining('src="'), '']);
    }
  });

  test.each(FILES)('%s needs no credential and has its headers', async (path, type) => {
    const answer = await nobody.send('GET', path);
    expect(answer.status).toBe(200);
    const { headers } = answer;
    expect(headers.get('Content-Type')).toContain(type);
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Referrer-Policy')).toBe('no-referrer');
    expect(headers.get('X-Request-Id')).not.toBeNull();
    const policy = headers.get('Content-Security-Policy')!.split('; ');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toMatch(/https?:|\*|unsafe-eval/);
  });

  test('comes with the licence of what it shows the document with', async () => {
    const folder = join(projectFolder, 'node_modules', 'swagger-ui-dist');
    for (const name of ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']) {
      expect((await nobody.send('GET', `/docs/${name}`)).text).toBe(readFileSync(join(folder, name), 'utf8'));
    }
  });

  test('is not sent again to who has it, and has no body for HEAD', async () => {
    const whole = await nobody.send('GET', '/docs/swagger-ui.css');
    const etag = whole.headers.get('ETag')!;
    expect(etag).toMatch(/^(W\/)?".+"$/);
    const known = await nobody.send('GET', '/docs/swagger-ui.css', undefined, {
      headers: { 'If-None-Match': etag },
    });
    expect([known.status, known.text]).toEqual([304, '']);
    const head = await nobody.send('HEAD', '/docs/swagger-ui.css');
    expect([head.status, head.text, head.headers.get('ETag')]).toEqual([200, '', etag]);
    expect(whole.headers.get('Cache-Control')).toContain('must-revalidate');
  });
});

describe('what is no page', () => {
  test.each(['/docs/nosuch', '/docs/..%2fwrangler.toml', '/docs/page.js/', '/index.html', '/', '/nosuch'])(
    '%s is refused as by the API',
    async (path) => {
      expect(await nobody.refused('GET', path)).toMatchObject({ status: 404, code: 5 });
    },
  );

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is no method of it', async (method) => {
    for (const path of ['/docs', '/docs/page.js']) {
      const refused = await nobody.refused(method, path);
      expect([refused.status, refused.headers.get('Allow')]).toEqual([405, 'GET, HEAD']);
    }
  });
});
