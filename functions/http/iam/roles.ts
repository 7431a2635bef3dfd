import { getFixed, listFixed } from '../../../registry/fixed-list.ts';
import { ROLE_LIST } from '../../../registry/identity/roles.ts';
import { listRolesQuery, role, roleList, rolePath } from '../../../schema/wire/iam/role.ts';
import { type App, answer, route } from '../app.ts';
import { compact } from '../wire.ts';

const TAGS = ['Roles'];

const list = route({
  method: 'get',
  path: '/iam/v1/roles',
  tags: TAGS,
  summary: 'List the roles that can be bound',
  request: { query: listRolesQuery },
  responses: answer(roleList, 'One page of roles'),
});

const get = route({
  method: 'get',
  path: '/iam/v1/roles/{roleId}',
  tags: TAGS,
  summary: 'Get a role',
  request: { params: rolePath },
  responses: answer(role, 'The role'),
});

export function mountRoles(app: App): void {
  app.openapi(list, async (c) => {
    const page = await listFixed(c.get('context'), ROLE_LIST, c.req.valid('query'));
    return c.json(compact({ roles: [...page.items], nextPageToken: page.nextPageToken }), 200);
  });

  app.openapi(get, async (c) =>
    c.json(await getFixed(c.get('context'), ROLE_LIST, c.req.valid('param').roleId), 200),
  );
}
