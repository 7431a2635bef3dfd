import type { Context as HonoContext } from 'hono';
import type { z } from 'zod';
import { getLatestByFamily } from '../../../registry/families/latest.ts';
import { createImage } from '../../../registry/images/create.ts';
import { deleteImage } from '../../../registry/images/delete.ts';
import { downloadImage } from '../../../registry/images/download.ts';
import { etagOf } from '../../../registry/images/etag.ts';
import { getImage, getImageOrDeleted } from '../../../registry/images/get.ts';
import { listImages } from '../../../registry/images/list.ts';
import type { ImageSource } from '../../../registry/images/new-image.ts';
import { updateImage } from '../../../registry/images/update.ts';
import type { Image } from '../../../registry/images/view.ts';
import {
  createImageBody,
  deleteImageQuery,
  image,
  imageList,
  imagePath,
  imageQuery,
  latestByFamilyQuery,
  listImagesQuery,
  updateImageBody,
} from '../../../schema/wire/compute/image.ts';
import { download } from '../../../schema/wire/compute/upload.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import type { HttpEnv } from '../request.ts';
import { answerSingle } from '../single.ts';
import { compact, time } from '../wire.ts';
import { imageShape } from './image-shape.ts';

const TAGS = ['Images'];
const IMAGES = '/compute/v1/images';

const list = route({
  method: 'get',
  path: IMAGES,
  tags: TAGS,
  summary: 'List the images of a folder',
  request: { query: listImagesQuery },
  responses: answer(imageList, 'One page of images'),
});

const create = route({
  method: 'post',
  path: IMAGES,
  tags: TAGS,
  summary: 'Create an image',
  request: { body: jsonOf(createImageBody) },
  responses: answer(operation, 'The creation; metadata.upload says how to send the bytes'),
});

const latestByFamily = route({
  method: 'get',
  path: `${IMAGES}:latestByFamily`,
  tags: TAGS,
  summary: 'Get the latest image of a family',
  request: { query: latestByFamilyQuery },
  responses: answer(image, 'The image'),
});

const get = route({
  method: 'get',
  path: `${IMAGES}/{imageId}`,
  tags: TAGS,
  summary: 'Get an image',
  request: { params: imagePath, query: imageQuery },
  responses: answer(image, 'The image'),
});

const update = route({
  method: 'patch',
  path: `${IMAGES}/{imageId}`,
  tags: TAGS,
  summary: 'Update an image',
  request: { params: imagePath, body: jsonOf(updateImageBody) },
  responses: answer(operation, 'The change, already done'),
});

const remove = route({
  method: 'delete',
  path: `${IMAGES}/{imageId}`,
  tags: TAGS,
  summary: 'Delete an image',
  request: { params: imagePath, query: deleteImageQuery },
  responses: answer(operation, 'The deletion, already done; metadata.purgeAt is when it becomes final'),
});

const downloadRoute = route({
  method: 'get',
  path: `${IMAGES}/{imageId}:download`,
  tags: TAGS,
  summary: 'Download the bytes of an image',
  request: { params: imagePath },
  responses: {
    ...answer(download, 'Where the bytes are, for who accepts application/json'),
    302: { description: 'To the bytes', headers: { Location: { schema: { type: 'string' } } } },
  },
});

export function mountImages(app: App): void {
  app.openapi(list, async (c) => {
    const { view, ...query } = c.req.valid('query');
    const page = await listImages(c.get('context'), { ...query, full: view === 'FULL' });
    return c.json(compact({ images: page.items.map(imageShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(create, async (c) => {
    const body = c.req.valid('json');
    const { os, hardwareGeneration, ...rest } = body;
    const created = await createImage(c.get('context'), {
      folderId: rest.folderId,
      name: rest.name,
      description: rest.description,
      labels: rest.labels,
      family: rest.family,
      minDiskSize: rest.minDiskSize,
      productIds: rest.productIds,
      osType: os?.type === undefined || os.type === 'TYPE_UNSPECIFIED' ? undefined : os.type,
      nvidiaDriver: os?.nvidia?.driver,
      pooled: rest.pooled ?? false,
      candidate: rest.candidate,
      deleteProtection: rest.deleteProtection,
      hardwareGeneration,
      source: sourceOf(body),
    });
    return answerOperation(c, created);
  });

  app.openapi(latestByFamily, async (c) => {
    const { folderId, family } = c.req.valid('query');
    return single(c, await getLatestByFamily(c.get('context'), folderId, family));
  });

  app.openapi(get, async (c) => {
    const { imageId } = c.req.valid('param');
    const { view, showDeleted } = c.req.valid('query');
    const read = showDeleted ? getImageOrDeleted : getImage;
    return single(c, await read(c.get('context'), imageId), view);
  });

  app.openapi(update, async (c) => {
    const { imageId } = c.req.valid('param');
    return answerOperation(
      c,
      await updateImage(c.get('context'), imageId, c.req.valid('json'), c.req.header('If-Match')),
    );
  });

  app.openapi(remove, async (c) => {
    const { imageId } = c.req.valid('param');
    const ifMatch = c.req.header('If-Match');
    return answerOperation(
      c,
      await deleteImage(c.get('context'), imageId, { ...c.req.valid('query'), ifMatch }),
    );
  });

  app.openapi(downloadRoute, async (c) => {
    const found = await downloadImage(c.get('context'), c.req.valid('param').imageId);
    if (c.req.header('Accept')?.includes('application/json')) {
      const { url, expiresAt, sizeBytes, sha256 } = found;
      return c.json(
        compact({ url, expiresAt: time(expiresAt), size: String(sizeBytes), sha256 }),
        200,
      ) as never;
    }
    if (c.req.raw.method === 'HEAD') {
      c.header('Content-Length', String(found.sizeBytes));
      c.header('Content-Type', found.contentType);
      c.header('Accept-Ranges', 'bytes');
      if (found.etag !== null) c.header('ETag', `"${found.etag}"`);
      return c.body(null, 200) as never;
    }
    return c.redirect(found.url, 302) as never;
  });
}

/** One image with its entity tag; 304 when the caller has this version already. */
function single(c: HonoContext<HttpEnv>, found: Image, view?: 'BASIC' | 'FULL') {
  const shown = view === 'BASIC' ? { ...found, inspection: null } : found;
  return answerSingle(c, etagOf(found), imageShape(shown));
}

/** The one source that the shape let through. */
function sourceOf(body: z.infer<typeof createImageBody>): ImageSource {
  if (body.imageId !== undefined) return { kind: 'image', id: body.imageId };
  if (body.diskId !== undefined) return { kind: 'disk', id: body.diskId };
  if (body.snapshotId !== undefined) return { kind: 'snapshot', id: body.snapshotId };
  if (body.uri !== undefined) return { kind: 'uri', uri: body.uri };
  const { size, sha256, format, fileName } = body.upload!;
  return {
    kind: 'upload',
    sizeBytes: size,
    sha256,
    format: format === 'FORMAT_UNSPECIFIED' ? undefined : format,
    fileName,
  };
}
