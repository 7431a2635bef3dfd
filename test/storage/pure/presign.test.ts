import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect, test } from 'vitest';
import { s3Client } from '../../../storage/connection.ts';
import { openStore, type StoreSettings } from '../../../storage/store.ts';

const SETTINGS = { region: 'auto', bucket: 'bullion', accessKeyId: 'key/1', secretAccessKey: 'secret' };
const KEY = 'layers/a1-b2';
const NAME = { fileName: "Größe (1)'!*.img", contentType: 'application/octet-stream' };

/** A URL without its time, its signature and the name that the SDK gives to the command. */
function withoutSignature(url: string): string {
  const { origin, pathname, searchParams } = new URL(url);
  for (const name of ['X-Amz-Date', 'X-Amz-Signature', 'x-id']) searchParams.delete(name);
  searchParams.sort();
  return `${origin}${pathname}?${searchParams}`;
}

test.each([
  ['https://s3.example'],
  ['https://s3.example:443'],
  ['http://127.0.0.1:9000'],
  ['http://[::1]:9000'],
  ['https://example.test/storage/s3'],
])('a URL for %s is that of the SDK', async (endpoint) => {
  const settings: StoreSettings = { ...SETTINGS, endpoint };
  const own = await openStore(settings).presignDownload(KEY, NAME, 600);
  const { searchParams } = new URL(own);
  const command = new GetObjectCommand({
    Bucket: settings.bucket,
    Key: KEY,
    ResponseContentDisposition: searchParams.get('response-content-disposition') ?? '',
    ResponseContentType: NAME.contentType,
  });
  const signed = await getSignedUrl(s3Client(settings), command, { expiresIn: 600 });
  expect(withoutSignature(own)).toBe(withoutSignature(signed));
  expect(own).not.toContain('+');
});
