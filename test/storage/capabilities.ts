/**
 * Where stores differ in what the suite looks at. Each row says what a store does, so that every test runs on every
 * store and a store that changes its ways is noticed. Bullion itself works with every value in this table.
 */
export interface Capabilities {
  /** A Complete whose parts, the last aside, are not equally long. */
  readonly unevenParts: 'accepted' | 'InvalidPart';
  /** A Complete that leaves out parts which were uploaded. */
  readonly completeSubset: 'accepted' | 'InvalidPart';
  /** A second Complete of an upload with another list. `replaces`: the finished object becomes another one. */
  readonly otherCompleteAfter: 'refused' | 'replaces';
  /** A part that is PUT when its upload is complete, with a URL that still works. */
  readonly latePart: 'NoSuchUpload' | 'accepted';
  /** The list of the parts of an upload that is complete. */
  readonly partsAfterComplete: 'unknown' | 'listed';
  /** An Authorization header that comes along with a presigned GET. */
  readonly foreignAuthorization: 'ignored' | 'refused';
  /** A copy on condition of the ETag of its source, which was uploaded in parts. `refused`: also with the right one. */
  readonly conditionalCopy: 'works' | 'ignored' | 'refused';
  /** A part that is copied from a range whose end lies behind the object's. */
  readonly copyPastEnd: 'refused' | 'clipped';
}

const S3: Capabilities = {
  unevenParts: 'accepted',
  completeSubset: 'accepted',
  otherCompleteAfter: 'refused',
  latePart: 'NoSuchUpload',
  partsAfterComplete: 'unknown',
  foreignAuthorization: 'refused',
  conditionalCopy: 'works',
  copyPastEnd: 'refused',
};

/** `local` and `swift` are measured by this suite; the others are as their makers document them. */
export const CAPABILITIES: Readonly<Record<string, Capabilities>> = {
  local: { ...S3, unevenParts: 'InvalidPart', foreignAuthorization: 'ignored' },
  swift: {
    ...S3,
    otherCompleteAfter: 'replaces',
    latePart: 'accepted',
    partsAfterComplete: 'listed',
    foreignAuthorization: 'ignored',
    conditionalCopy: 'refused',
    copyPastEnd: 'clipped',
  },
  r2: { ...S3, unevenParts: 'InvalidPart' },
  s3: S3,
  radosgw: { ...S3, completeSubset: 'InvalidPart', conditionalCopy: 'ignored' },
};
