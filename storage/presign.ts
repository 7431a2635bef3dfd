import type { S3Client } from '@aws-sdk/client-s3';
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import { attachmentDisposition } from './content-disposition.ts';
import { percentEncoded } from './percent-encoding.ts';

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

/** Signs requests to one bucket, for the address at which they will be sent: the host is part of a signature. */
export interface Signer {
  /**
   * Signs the PUT of one part. The exact length is signed in, and so is the MD5 when it is given: the store refuses
   * a body of another length or with another digest.
   */
  part(key: string, part: PartToSign, ttlSeconds: number): Promise<PresignedPut>;
  /** Signs a GET that saves the object under a name. It answers ranges; a HEAD would need a signature of its own. */
  download(key: string, name: DownloadName, ttlSeconds: number): Promise<string>;
}

interface ToSign {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  /** All that are signed besides the host. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * in: the configuration of a client, whose credential signs, and the address of the store without the bucket.
 * Requests are put together here and only signed by the SDK: for the URL of a command it would run all that a call
 * runs, several times the work.
 */
export function openSigner(config: S3Client['config'], endpoint: string, bucket: string): Signer {
  const presigner = new S3RequestPresigner(config);
  const { protocol, host, hostname, pathname } = new URL(endpoint);
  const folder = `${pathname.replace(/\/$/, '')}/${percentEncoded(bucket)}`;

  const presign = async ({ method, key, query, headers }: ToSign, expiresIn: number): Promise<string> => {
    const path = `${folder}/${key}`;
    const request = { method, protocol, hostname, path, query, headers: { ...headers, host } };
    const { query: signed = {} } = await presigner.presign(request, { expiresIn });
    const parameters = Object.entries(signed).map(
      ([name, value]) => `${percentEncoded(name)}=${percentEncoded(String(value))}`,
    );
    return `${protocol}//${host}${path}?${parameters.join('&')}`;
  };

  return {
    async part(key, { storeUploadId, partNumber, sizeBytes, md5Base64 }, ttlSeconds) {
      const headers: Record<string, string> = { 'Content-Length': String(sizeBytes) };
      if (md5Base64 !== undefined) headers['Content-MD5'] = md5Base64;
      const query = { partNumber: String(partNumber), uploadId: storeUploadId };
      return { url: await presign({ method: 'PUT', key, query, headers }, ttlSeconds), headers };
    },
    download: (key, { fileName, contentType }, ttlSeconds) => {
      const query = {
        'response-content-disposition': attachmentDisposition(fileName),
        'response-content-type': contentType,
      };
      return presign({ method: 'GET', key, query, headers: {} }, ttlSeconds);
    },
  };
}
