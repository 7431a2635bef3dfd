import { deprecateImage } from '../../../registry/images/deprecate.ts';
import { promoteImage } from '../../../registry/images/promote.ts';
import { deprecateImageBody } from '../../../schema/wire/compute/deprecation.ts';
import { promoteImageBody } from '../../../schema/wire/compute/family.ts';
import { imagePath } from '../../../schema/wire/compute/image.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';

const TAGS = ['Images'];
const IMAGE = '/compute/v1/images/{imageId}';

const promote = route({
  method: 'post',
  path: `${IMAGE}:promote`,
  tags: TAGS,
  summary: 'Make an image the latest of its family',
  request: { params: imagePath, body: jsonOf(promoteImageBody) },
  responses: answer(operation, 'The promotion, already done; its response is the image'),
});

const deprecate = route({
  method: 'post',
  path: `${IMAGE}:deprecate`,
  tags: TAGS,
  summary: 'Say from when on an image should not be used, and what to use instead',
  request: { params: imagePath, body: jsonOf(deprecateImageBody) },
  responses: answer(operation, 'The change, already done; its response is the image'),
});

/** What decides whether an image is the latest of its family. */
export function mountPromotion(app: App): void {
  app.openapi(promote, async (c) =>
    answerOperation(
      c,
      await promoteImage(c.get('context'), c.req.valid('param').imageId, c.req.valid('json')),
    ),
  );

  app.openapi(deprecate, async (c) =>
    answerOperation(
      c,
      await deprecateImage(c.get('context'), c.req.valid('param').imageId, c.req.valid('json')),
    ),
  );
}
