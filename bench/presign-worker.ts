/** Signs URLs of parts on workerd, in one of two ways; its clock stands still meanwhile, so it is timed from outside. */
import { openStore } from '../storage/store.ts';
import { minimalUrls, type PartsToSign } from './minimal-signer.ts';

export type SignerName = keyof typeof SIGNERS;

/** What one request may ask the registry for. */
const PARTS_A_REQUEST = 1000;

const SIGNERS = { storage: storageUrls, minimal: minimalUrls };

export default {
  /** in: the parts as JSON, the signer as the path. out: the URL of the last part. */
  async fetch(request: Request): Promise<Response> {
    const { firstPart, partCount, ...upload } = (await request.json()) as PartsToSign;
    const sign = SIGNERS[new URL(request.url).pathname.slice(1) as SignerName];
    let last: string | undefined;
    for (let signed = 0; signed < partCount; signed += PARTS_A_REQUEST) {
      const count = Math.min(PARTS_A_REQUEST, partCount - signed);
      last = (await sign({ ...upload, firstPart: firstPart + signed, partCount: count })).at(-1);
    }
    return new Response(last);
  },
};

/** As the registry signs for one request, with a store that is opened for it. */
async function storageUrls(parts: PartsToSign): Promise<readonly string[]> {
  const { settings, key, storeUploadId, sizeBytes, ttlSeconds, firstPart, partCount } = parts;
  const store = openStore(settings);
  const signed = await Promise.all(
    Array.from({ length: partCount }, (_, index) =>
      store.presignPart(key, storeUploadId, firstPart + index, sizeBytes, ttlSeconds),
    ),
  );
  return signed.map(({ url }) => url);
}
