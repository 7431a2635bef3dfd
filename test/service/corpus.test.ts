/** The sample images through the whole service: what it says of each is what the inspection says of the same bytes. */
import { describe, expect, test } from 'vitest';
import { inspect } from '../../inspect/inspect.ts';
import { type CorpusEntry, corpus, corpusEntry, corpusReader } from '../corpus.ts';
import { detailOf, IMAGES, imageIdOf } from './client.ts';
import { startOwn } from './setup/registry.ts';
import { AMPLE, newTenant } from './tenant.ts';

/** Longer ones cannot be sent part by part in a test. */
const MAX_BYTES = 64 * 2 ** 20;
const { local } = await startOwn();
const { api, folderId } = await newTenant(local, { limits: AMPLE });

const entries = corpus();
const sent = entries.filter(({ bytes }) => bytes > 0 && bytes <= MAX_BYTES);
const named = (entry: CorpusEntry): [string, CorpusEntry] => [entry.file, entry];

describe('the sample images through the service', () => {
  test('are all but the empty one and the one that is too long to send', () => {
    const left = entries.filter((entry) => !sent.includes(entry));
    expect(left.map(({ file }) => file).sort()).toEqual(['empty.img', 'gpt-big-sparse.img']);
  });

  test.concurrent.each(sent.map(named))('%s is judged as by the inspection alone', async (_, entry) => {
    const reader = corpusReader(entry);
    const { cost: _cost, ...expected } = await inspect(reader);
    const ended = await api.finished(await api.push(await reader.read(0, entry.bytes), { folderId }));
    if (expected.verdict === 'reject') {
      expect(ended.error?.code).toBe(3);
      const { '@type': _type, ...report } = detailOf<Record<string, unknown>>(
        ended.error!,
        'bullion.v1.Inspection',
      )!;
      expect(report).toEqual(expected);
      expect(ended.error?.message).toContain(expected.findings[0]!.code);
      return;
    }
    expect(ended.error).toBeUndefined();
    const image = await api.image(imageIdOf(ended));
    expect(image).toMatchObject({ status: 'READY', size: String(entry.bytes) });
    expect(image.inspection).toEqual(expected);
    await api.call('DELETE', `${IMAGES}/${image.id}`);
  });

  test('cannot be empty', async () => {
    expect(corpusEntry('empty.img').expect.codes).toEqual(['EMPTY']);
    const refused = await api.refused('POST', IMAGES, { folderId, upload: { size: 0 } });
    expect(refused).toMatchObject({ status: 400, code: 3, fields: ['upload.size'] });
  });
});
