import { getFamily, listFamilies, listPromotions } from '../../../registry/families/read.ts';
import { rollBackFamily } from '../../../registry/families/rollback.ts';
import {
  familyPath,
  imageFamily,
  imageFamilyList,
  listFamiliesQuery,
  promotionList,
  promotionsPage,
  rollbackFamilyBody,
} from '../../../schema/wire/compute/family.ts';
import { operation } from '../../../schema/wire/operation.ts';
import { type App, answer, answerOperation, jsonOf, route } from '../app.ts';
import { compact } from '../wire.ts';
import { familyShape, promotionShape } from './family-shape.ts';

const TAGS = ['Image families'];
const FAMILIES = '/compute/v1/imageFamilies';
const FAMILY = `${FAMILIES}/{folderId}/{family}` as const;

const list = route({
  method: 'get',
  path: FAMILIES,
  tags: TAGS,
  summary: 'List the image families of a folder',
  request: { query: listFamiliesQuery },
  responses: answer(imageFamilyList, 'One page of families, by name'),
});

const get = route({
  method: 'get',
  path: FAMILY,
  tags: TAGS,
  summary: 'Get an image family',
  request: { params: familyPath },
  responses: answer(imageFamily, 'The family'),
});

const rollback = route({
  method: 'post',
  path: `${FAMILY}:rollback`,
  tags: TAGS,
  summary: 'Promote the image that was the latest of a family before',
  request: { params: familyPath, body: jsonOf(rollbackFamilyBody) },
  responses: answer(operation, 'The promotion, already done; its response is the image'),
});

const promotions = route({
  method: 'get',
  path: `${FAMILY}/promotions`,
  tags: TAGS,
  summary: 'List who made which image the latest of a family',
  request: { params: familyPath, query: promotionsPage },
  responses: answer(promotionList, 'One page of promotions, newest first'),
});

export function mountFamilies(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFamilies(c.get('context'), c.req.valid('query'));
    return c.json(compact({ families: page.items.map(familyShape), nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(get, async (c) => {
    const { folderId, family } = c.req.valid('param');
    return c.json(familyShape(await getFamily(c.get('context'), folderId, family)), 200);
  });

  app.openapi(rollback, async (c) =>
    answerOperation(
      c,
      await rollBackFamily(c.get('context'), { ...c.req.valid('param'), ...c.req.valid('json') }),
    ),
  );

  app.openapi(promotions, async (c) => {
    const page = await listPromotions(c.get('context'), { ...c.req.valid('param'), ...c.req.valid('query') });
    return c.json(
      compact({ promotions: page.items.map(promotionShape), nextPageToken: page.nextPageToken }),
      200,
    );
  });
}
