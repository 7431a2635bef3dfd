/** Catalogues of images written straight into a database, in as many statements for a thousand as for one. */
import type { D1Database } from '@cloudflare/workers-types';

/** Where the images of a family stand. */
export interface CataloguePlace {
  readonly cloudId: string;
  readonly folderId: string;
  readonly family: string;
}

/** What an image is besides READY and ordinary. Times in epoch milliseconds. */
export interface CatalogueImage {
  readonly id: string;
  readonly createdAt: number;
  readonly promotedAt?: number;
  readonly status?: 'READY' | 'ERROR';
  readonly candidate?: boolean;
  readonly deprecateAt?: number | null;
  readonly obsoleteAt?: number | null;
  readonly deleteProtection?: boolean;
  readonly replacementImageId?: string | null;
  /** When the lease on it ends, if there is one. */
  readonly leasedUntil?: number | null;
}

const ROWS_A_STATEMENT = 5000;

/** Writes images, each on a layer of its own of `layerBytes`, and what they take of the quotas of their cloud. */
export async function writeCatalogue(
  database: D1Database,
  families: readonly { readonly place: CataloguePlace; readonly images: readonly CatalogueImage[] }[],
  layerBytes: number,
): Promise<void> {
  const rows = families.flatMap(({ place, images }) => images.map((image) => ({ ...place, ...image })));
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) {
    const json = JSON.stringify(rows.slice(at, at + ROWS_A_STATEMENT));
    await database.batch(STATEMENTS.map((text) => database.prepare(text).bind(json, layerBytes)));
  }
  const count = new Map<string, number>();
  for (const { cloudId } of rows) count.set(cloudId, (count.get(cloudId) ?? 0) + 1);
  await database.batch(
    [...count].flatMap(([cloudId, images]) =>
      Object.entries({ 'compute.images.count': images, 'compute.images.size': images * layerBytes }).map(
        ([quotaId, usage]) =>
          database
            .prepare(
              `INSERT INTO quotas (cloud_id, quota_id, "limit", usage) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO UPDATE SET usage = usage + ?4`,
            )
            .bind(cloudId, quotaId, 2 ** 50, usage),
      ),
    ),
  );
}

const of = (name: string) => `json_extract(image.value, '$.${name}')`;
const FROM = 'FROM json_each(?1) AS image WHERE ?2 IS NOT NULL';
const STATEMENTS = [
  `INSERT INTO layers (id, object_key, state, size_bytes, created_at)
    SELECT 'layer-of-' || ${of('id')}, 'layers/layer-of-' || ${of('id')}, 'VERIFIED', ?2, ${of('createdAt')} ${FROM}`,
  `INSERT INTO images (id, folder_id, cloud_id, created_at, name, family, status, size_bytes, pooled, layer_id, source,
      promoted_at, candidate, deprecate_at, obsolete_at, replacement_image_id, passed_over, delete_protection, revision)
    SELECT ${of('id')}, ${of('folderId')}, ${of('cloudId')}, ${of('createdAt')}, '', ${of('family')},
      coalesce(${of('status')}, 'READY'), ?2, 0, 'layer-of-' || ${of('id')}, '{"kind":"upload"}',
      coalesce(${of('promotedAt')}, ${of('createdAt')}), coalesce(${of('candidate')}, 0), ${of('deprecateAt')},
      ${of('obsoleteAt')}, ${of('replacementImageId')}, coalesce(${of('candidate')}, 0),
      coalesce(${of('deleteProtection')}, 0), 1 ${FROM}`,
  `INSERT INTO leases (id, image_id, holder, created_at, created_by, renewed_at, expires_at)
    SELECT 'lease-on-' || ${of('id')}, ${of('id')}, 'fleet', ${of('createdAt')}, 'bench', ${of('createdAt')},
      ${of('leasedUntil')} ${FROM} AND ${of('leasedUntil')} IS NOT NULL`,
];
