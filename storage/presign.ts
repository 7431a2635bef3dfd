import { GetObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { attachmentDisposition } from './content-disposition.ts';

/** A request that a client sends by itself: PUT to `url` with exactly these headers. */
export interface PresignedPut {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** What a downloaded file is called and what it is. */
export interface DownloadName {
  readonly fileName: string;
  readonly contentType: string;
}

/** The part that a presigned PUT is for. `md5Base64` is the Content-MD5 header's form. */
export interface PartToSign {
  readonly storeUploadId: string;
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly md5Base64?: string | undefined;
}

/**
 * Signs the PUT of one part. The exact length is signed in, and so is the MD5 when it is given: the store refuses
 * a body of another length or with another digest. Costs about 0.15 ms of CPU, no request.
 */
export async function presignPart(
  client: S3Client,
  bucket: string,
  key: string,
  part: PartToSign,
  ttlSeconds: number,
): Promise<PresignedPut> {
  const command = new UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: part.storeUploadId,
    PartNumber: part.partNumber,
    ContentLength: part.sizeBytes,
    ContentMD5: part.md5Base64,
  });
  const url = await getSignedUrl(client, command, { expiresIn: ttlSeconds });
  const headers: Record<string, string> = { 'Content-Length': String(part.sizeBytes) };
  if (part.md5Base64 !== undefined) headers['Content-MD5'] = part.md5Base64;
  return { url, headers };
}

/** Signs a GET that saves the object under a name. It answers ranges; a HEAD would need a signature of its own. */
export async function presignDownload(
  client: S3Client,
  bucket: string,
  key: string,
  name: DownloadName,
  ttlSeconds: number,
): Promise<string> {
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ResponseContentDisposition: attachmentDisposition(name.fileName),
    ResponseContentType: name.contentType,
  });
  return await getSignedUrl(client, command, { expiresIn: ttlSeconds });
}
