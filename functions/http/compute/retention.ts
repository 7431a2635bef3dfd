import { previewRetention } from '../../../registry/families/preview.ts';
import { setRetention } from '../../../registry/families/retention.ts';
import { familyPath } from '../../../schema/wire/compute/family.ts';
import {
  policyIn,
  previewRetentionBody,
  retentionPreview,
  setRetentionBody,
} from '../../../schema/wire/compute/retention.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { previewShape } from './retention-shape.ts';

const TAGS = ['Image families'];
const FAMILY = '/compute/v1/imageFamilies/{folderId}/{family}';
const WHOLE_PAGE = 1000;

const set = route({
  method: 'post',
  path: `${FAMILY}:setRetention`,
  tags: TAGS,
  summary: 'Set the retention policy of a family, or take it away',
  request: { params: familyPath, body: jsonOf(setRetentionBody) },
  responses: answer(operation, 'The change, already done; its response is the family'),
});

const preview = route({
  method: 'post',
  path: `${FAMILY}:previewRetention`,
  tags: TAGS,
  summary: 'See what a retention policy does with each image of a family',
  request: { params: familyPath, body: jsonOf(previewRetentionBody) },
  responses: answer(retentionPreview, 'The plan as it is carried out, or one page of it'),
});

export function mountRetention(app: App): void {
  app.openapi(set, async (c) =>
    answerOperation(
      c,
      await setRetention(c.get('context'), {
        ...c.req.valid('param'),
        policy: policyIn(c.req.valid('json')),
      }),
    ),
  );

  app.openapi(preview, async (c) => {
    const { pageSize = WHOLE_PAGE, pageToken, ...given } = c.req.valid('json');
    const found = await previewRetention(c.get('context'), {
      ...c.req.valid('param'),
      policy: policyIn(given),
      pageSize,
      pageToken,
    });
    return c.json(previewShape(found), 200);
  });
}
