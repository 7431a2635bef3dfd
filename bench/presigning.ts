/** What a presigned URL costs, as the ratio to a minimal signer that does nothing else. */
import { Miniflare } from 'miniflare';
import { readDeployment } from '../dev/deployment.ts';
import { bundleModule } from '../dev/worker-bundle.ts';
import { inTurn } from './in-turn.ts';
import { minimalUrls, type PartsToSign, timeOf } from './minimal-signer.ts';
import type { SignerName } from './presign-worker.ts';
import { rounded } from './results.ts';

const ROUNDS = { rounds: 5, warmUp: 1 };
const PARTS: Omit<PartsToSign, 'partCount' | 'time'> = {
  settings: {
    endpoint: 'https://s3.example.com',
    region: 'auto',
    bucket: 'bullion',
    accessKeyId: 'BENCHACCESSKEY',
    secretAccessKey: 'a secret of forty characters, or nearly so',
  },
  key: 'layers/0123456789abcdefghijklmnop',
  storeUploadId: 'an-upload/of+some=length.0123456789abcdef',
  sizeBytes: 8 * 2 ** 20,
  ttlSeconds: 3600,
  firstPart: 1,
};

/** Signs so many URLs in both ways in turn, on workerd. out: the registry's time as the ratio to the other's. */
export async function presigningRatio(urlCount: number): Promise<number> {
  const { compatibilityDate, compatibilityFlags } = await readDeployment();
  const miniflare = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'presign.mjs', contents: await bundleModule('bench/presign-worker.ts') },
    ],
    compatibilityDate,
    compatibilityFlags: [...compatibilityFlags],
    cf: false,
  });
  try {
    const origin = await miniflare.ready;
    const sign = async (signer: SignerName, partCount: number) => {
      const parts: PartsToSign = { ...PARTS, partCount, time: timeOf(new Date()) };
      const answer = await fetch(new URL(signer, origin), { method: 'POST', body: JSON.stringify(parts) });
      if (!answer.ok) throw new Error(`${signer}: ${answer.status} ${await answer.text()}`);
      return await answer.text();
    };
    await demandSameUrl(await sign('storage', 1));
    const times = await inTurn(
      { storage: () => sign('storage', urlCount), minimal: () => sign('minimal', urlCount) },
      ROUNDS,
    );
    return rounded(times.storage / times.minimal);
  } finally {
    await miniflare.dispose();
  }
}

/** Both sign the same thing, or comparing them would say nothing. */
async function demandSameUrl(url: string): Promise<void> {
  const time = new URL(url).searchParams.get('X-Amz-Date') ?? '';
  const [other = ''] = await minimalUrls({ ...PARTS, partCount: 1, time });
  if (sorted(url) !== sorted(other)) throw new Error(`signed differently:\n${url}\n${other}`);
}

function sorted(url: string): string {
  const { origin, pathname, searchParams } = new URL(url);
  searchParams.sort();
  return `${origin}${pathname}?${searchParams}`;
}
