import { undeleteImage } from '../../../registry/images/undelete.ts';
import { imagePath, undeleteImageBody } from '../../../schema/wire/compute/image.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';

const undelete = route({
  method: 'post',
  path: '/compute/v1/images/{imageId}:undelete',
  tags: ['Images'],
  summary: 'Bring an image back from the trash',
  request: { params: imagePath, body: jsonOf(undeleteImageBody) },
  responses: answer(operation, 'The return, already done, with the image'),
});

export function mountTrash(app: App): void {
  app.openapi(undelete, async (c) => {
    const { imageId } = c.req.valid('param');
    return answerOperation(c, await undeleteImage(c.get('context'), imageId, c.req.valid('json')));
  });
}
