/** The page of the browser test: inspects every file that the server names, as a Blob, and sends each report back. */
import { inspect } from '../../inspect/inspect.ts';
import { blobReader } from '../../inspect/readers/blob-reader.ts';

/** What of the browser is used; the tests are compiled without a browser's own types. */
declare const fetch: (
  url: string,
  init?: { method: string; body: string },
) => Promise<{ blob(): Promise<Parameters<typeof blobReader>[0]>; json(): Promise<unknown> }>;

async function main(): Promise<void> {
  const names = (await (await fetch('/files')).json()) as string[];
  for (const name of names) {
    const blob = await (await fetch(`/files/${name}`)).blob();
    const report = await inspect(blobReader(blob));
    await fetch(`/reports/${name}`, { method: 'POST', body: JSON.stringify(report) });
  }
  await fetch('/end', { method: 'POST', body: '' });
}

main().catch((error: unknown) => fetch('/end', { method: 'POST', body: String(error) }));
