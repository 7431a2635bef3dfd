/**
 * zod, as every shape imports it: as a namespace (`import * as z`), of which a bundle keeps the names that are used,
 * and with the method `openapi`, which notes what the document says of a shape. Who makes the document has that done
 * by `@hono/zod-openapi`, loaded before any shape; otherwise nobody asks, and the shape comes back as it is.
 */
import type {} from '@hono/zod-openapi';
import { ZodType } from 'zod';

export * from 'zod';

ZodType.prototype.openapi ??= function (this: ZodType) {
  return this;
};
