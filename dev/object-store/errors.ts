/** The errors that this store answers, with the status and the words for each. */
const ERRORS = {
  AccessDenied: [403, 'Access denied.'],
  AuthorizationHeaderMalformed: [400, 'The Authorization header is malformed.'],
  AuthorizationQueryParametersError: [400, 'The query parameters of the signature are malformed.'],
  BadDigest: [400, 'The Content-MD5 is not that of the body.'],
  EntityTooLarge: [400, 'The body or object is larger than is allowed: 5 GiB at once, 5 TiB in parts.'],
  EntityTooSmall: [400, 'Every part but the last has to have 5 MiB at least.'],
  InternalError: [500, 'The store failed; its log says why.'],
  InvalidAccessKeyId: [403, 'There is no such access key id.'],
  InvalidArgument: [400, 'An argument is not allowed.'],
  InvalidDigest: [400, 'Content-MD5 is not the Base64 form of 16 bytes.'],
  InvalidPart: [400, 'A part is not there, or its ETag is another.'],
  InvalidPartOrder: [400, 'The parts have to be in ascending order, each once.'],
  InvalidRange: [416, 'The range lies outside the object.'],
  InvalidRequest: [400, 'The request is not allowed.'],
  InvalidURI: [400, 'The path or the query is not valid.'],
  KeyTooLongError: [400, 'The key is longer than 1,024 bytes.'],
  MalformedXML: [400, 'The XML of the body is not what this operation takes.'],
  MaxMessageLengthExceeded: [400, 'The body of this request is too long.'],
  MethodNotAllowed: [405, 'This method is not allowed here.'],
  MissingContentLength: [411, 'A body has to come with its Content-Length.'],
  NoSuchBucket: [404, 'There is no such bucket.'],
  NoSuchKey: [404, 'There is no such object.'],
  NoSuchUpload: [404, 'There is no such upload; it may have been completed or aborted.'],
  NotImplemented: [501, 'This store does not do that.'],
  NotModified: [304, 'The object is the one that is named.'],
  PreconditionFailed: [412, 'A condition of the request does not hold.'],
  RequestTimeTooSkewed: [403, 'The time of the request is more than 15 minutes from the time of the store.'],
  SignatureDoesNotMatch: [403, 'The signature is not the one of this request.'],
  XAmzContentSHA256Mismatch: [400, 'The x-amz-content-sha256 is not that of the body.'],
} as const satisfies Record<string, readonly [number, string]>;

export type S3ErrorCode = keyof typeof ERRORS;

/** A refusal as S3 words it: the code decides the status; `message` tells what is wrong with this request. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly code: S3ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: S3ErrorCode, message?: string, headers: Readonly<Record<string, string>> = {}) {
    super(message ?? ERRORS[code][1]);
    this.code = code;
    this.status = ERRORS[code][0];
    this.headers = headers;
  }
}
