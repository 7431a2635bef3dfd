import { abortUpload } from '../../../registry/uploads/abort.ts';
import { completeUpload } from '../../../registry/uploads/complete.ts';
import { signParts } from '../../../registry/uploads/sign-parts.ts';
import { getUpload } from '../../../registry/uploads/status.ts';
import { imagePath } from '../../../schema/wire/compute/image.ts';
import {
  completeUploadBody,
  signedParts,
  signPartsBody,
  upload,
} from '../../../schema/wire/compute/upload.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { time } from '../wire.ts';

const TAGS = ['Uploads'];
const IMAGE = '/compute/v1/images/{imageId}';

const sign = route({
  method: 'post',
  path: `${IMAGE}:signParts`,
  tags: TAGS,
  summary: 'Get presigned URLs for parts of an upload',
  request: { params: imagePath, body: jsonOf(signPartsBody) },
  responses: answer(signedParts, 'A URL a part, each bound to its exact length'),
});

const status = route({
  method: 'get',
  path: `${IMAGE}:upload`,
  tags: TAGS,
  summary: 'See what of an upload has arrived',
  request: { params: imagePath },
  responses: answer(upload, 'The upload, as the object store has it'),
});

const complete = route({
  method: 'post',
  path: `${IMAGE}:completeUpload`,
  tags: TAGS,
  summary: 'Complete an upload',
  request: { params: imagePath, body: jsonOf(completeUploadBody) },
  responses: answer(operation, 'The creation, which goes on with the inspection'),
});

const abort = route({
  method: 'post',
  path: `${IMAGE}:abortUpload`,
  tags: TAGS,
  summary: 'Abort an upload and the creation of its image',
  request: { params: imagePath },
  responses: answer(operation, 'The creation, which ended as cancelled'),
});

export function mountUploads(app: App): void {
  app.openapi(sign, async (c) => {
    const { partNumbers, parts } = c.req.valid('json');
    const wanted = parts ?? (partNumbers ?? []).map((partNumber) => ({ partNumber }));
    const signed = await signParts(c.get('context'), c.req.valid('param').imageId, wanted);
    return c.json(
      {
        parts: signed.map(({ partNumber, offset, sizeBytes, url, headers, expiresAt }) => ({
          partNumber,
          offset: String(offset),
          size: String(sizeBytes),
          url,
          headers,
          expiresAt: time(expiresAt),
        })),
      },
      200,
    );
  });

  app.openapi(status, async (c) => {
    const found = await getUpload(c.get('context'), c.req.valid('param').imageId);
    const row = found.upload;
    return c.json(
      {
        uploadId: row.id,
        state: row.state,
        size: String(row.sizeBytes),
        partSize: String(row.partSizeBytes),
        partCount: row.partCount,
        expiresAt: time(row.expiresAt),
        receivedBytes: String(found.receivedBytes),
        parts: found.parts.map(({ partNumber, sizeBytes, etag }) => ({
          partNumber,
          size: String(sizeBytes),
          etag,
        })),
      },
      200,
    );
  });

  app.openapi(complete, async (c) =>
    answerOperation(
      c,
      await completeUpload(c.get('context'), c.req.valid('param').imageId, c.req.valid('json').parts),
    ),
  );

  app.openapi(abort, async (c) =>
    answerOperation(c, await abortUpload(c.get('context'), c.req.valid('param').imageId)),
  );
}
