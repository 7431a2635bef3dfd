/**
 * What a field is, by its name: a name means the same in every message. Where it does not, the message comes first
 * (`Finding.offset`). A shape that describes a field itself is not overruled. The document is filled from here.
 */
export const FIELDS: Readonly<Record<string, string>> = {
  '@type': 'full name of the message that the other members make up',

  // Every resource.
  id: 'given by the registry; never used again',
  createdAt: 'when it was made',
  modifiedAt: 'when it changed last',
  name: 'unique among those of its kind in the same place; may be missing where it is not required',
  description: 'free text of up to 256 characters',
  labels: 'pairs of the own choice, up to 64; an update replaces them all',
  status: 'where it stands in its life; only READY and ACTIVE ones can be used',
  etag: 'changes with the resource; `If-Match` on a change and `If-None-Match` on a read take it',
  organizationId: 'the organization that the cloud belongs to',
  cloudId: 'the cloud that it belongs to, whose quotas count it',
  folderId: 'the folder that it stands in',
  resourceId: 'the resource by its id',
  zoneId: 'the availability zone',
  typeId: 'the type of the disk',

  // One resource, in a path or as what another one is made from.
  imageId: 'an image by its id',
  diskId: 'a disk by its id',
  snapshotId: 'a snapshot by its id',
  operationId: 'an operation by its id',
  serviceAccountId: 'a service account by its id',
  apiKeyId: 'an API key by its id',
  federationId: 'a federation by its id',
  federatedCredentialId: 'a federated credential by its id',
  roleId: 'a role by its id',
  subjectId: 'a subject by its id',

  // Lists.
  images: 'the images of this page',
  disks: 'the disks of this page',
  snapshots: 'the snapshots of this page',
  clouds: 'the clouds of this page',
  folders: 'the folders of this page',
  serviceAccounts: 'the service accounts of this page',
  apiKeys: 'the keys of this page, without their secrets',
  federations: 'the federations of this page',
  federatedCredentials: 'the credentials of this page',
  roles: 'the roles of this page',
  operations: 'the operations of this page',
  accessBindings: 'the bindings of this page',
  pageSize: 'how many at most; 0 means 100',
  pageToken: '`nextPageToken` of the page before',
  nextPageToken: 'asks for the next page, as `pageToken`; missing on the last one',
  filter: 'conditions such as `name = "base"`, joined by AND; `=`, `!=`, `IN` and `NOT IN` compare',
  orderBy: 'a field, then `asc` or `desc`; `id asc` unless given',
  view: 'FULL shows the inspection, BASIC leaves it out',

  // Images, disks and snapshots.
  family: 'groups images; `images:latestByFamily` answers the newest of a family',
  size: 'bytes',
  storageSize: 'bytes that it takes in the store, rounded up to 4 MiB',
  minDiskSize: 'bytes of the smallest disk that can be made from it',
  diskSize: 'bytes of the disk',
  blockSize: 'bytes of one block of the disk; it cannot be changed',
  productIds: 'licences; everything that is made from it carries them too',
  os: 'the operating system',
  'os.type': 'which system it is; decides how a machine is emulated',
  nvidia: 'what the image needs of an NVIDIA card',
  driver: 'version of the driver',
  pooled: 'whether it is optimized for deployment: disks made from it are there at once and share its bytes',
  hardwareGeneration: 'the kind of machine that the disk boots on; the default goes by how it boots',
  legacyFeatures: 'generation 1, which boots by BIOS',
  generation2Features: 'generation 2, which boots by UEFI',
  pciTopology: 'V1 for generation 1.1, V2 for generation 1.2',
  layerId: 'the stored object that holds the bytes; several resources may name one',
  digest: 'of the stored bytes, once it is known',
  source: 'what it was made from',
  kind: 'image, disk, snapshot, uri or upload',
  uri: 'an HTTPS link to the file; shown without its query',
  upload: 'the file will be sent in parts; the answer says how',
  architecture: 'of the processor that the disk boots on, as far as it shows',
  inspection: 'what was found in the file',
  kmsKey: 'the key that it is encrypted with',

  // Inspections.
  verdict: 'whether the file can be an image',
  format: 'how the file holds the disk',
  virtualSize: 'bytes of the disk inside',
  fileSize: 'bytes of the file',
  partitionTable: 'which one the disk has',
  partitions: 'of the table, in the order of their numbers',
  number: 'of the partition in its table',
  start: 'byte of the disk at which it begins',
  bootModes: 'how the disk can boot',
  osFamily: 'the operating system that was found',
  findings: 'what is wrong or worth knowing; each code has its entry in the documentation of findings',
  'Finding.code': 'which finding it is',
  severity: 'REJECT keeps the file from being an image, WARN and INFO do not',
  'Finding.message': 'what was found, in words',
  'Finding.offset': 'byte of the file where it was found',
  field: 'of the header, as its specification names it',
  expected: 'what is allowed there',
  found: 'what stands there',
  reference: 'section of the specification',

  // Uploads and downloads.
  uploadId: 'the upload by its id',
  state: 'where it stands: parts are taken while it is OPEN',
  sha256: 'of the file, in hexadecimal; a file that differs is refused',
  fileName: 'what the file is called; tells its format where the bytes do not',
  partSize: 'bytes of every part but the last, which has what is left',
  partCount: 'how many parts there are',
  receivedBytes: 'bytes that have arrived',
  parts: 'one entry a part',
  partNumbers: 'the parts to sign, counted from 1',
  partNumber: 'which part, counted from 1',
  'parts.etag': 'of the part, as the store gave it',
  offset: 'byte of the file at which the part begins',
  md5: 'of the part, in base64; it is signed too, so that a part that changes on its way is refused',
  url: 'a signed URL of the object store, good until `expiresAt` and for this alone',
  headers: 'to be sent with the request, because they are signed',
  expiresAt: 'from when on it is of no use',

  // Operations and refusals.
  createdBy: 'the service account that asked for it',
  done: 'whether it has ended; then there is either a response or an error',
  metadata: 'what it is about, and how far it has come',
  response: 'the result',
  error: 'why it failed, or that it was cancelled',
  'Operation.description': 'what is done, in words',
  wait: 'answer when it is done, or after so many seconds, up to 60',
  code: 'number of the canonical code',
  message: 'what is wrong and what to do about it, in words',
  details: 'the same for programs: fields, quotas, findings, and the id of the request',

  // Access.
  subject: 'who',
  action: 'what is done with the binding',
  accessBinding: 'a role for a subject',
  scopes: 'what keys can be used for',
  maskedSecret: 'the end of the secret, by which its owner knows it',
  apiKey: 'the key without its secret',
  secret: 'shown here and never again',

  // Health.
  version: 'of the registry',
  database: 'whether it answers',
  bucket: 'whether the object store answers',
  queue: 'whether it takes messages',
  'Health.status': 'that it runs',
  'Readiness.status': 'whether every part answers',
};

/** What a field is, in a message or a member of that name. */
export function fieldDescription(owner: string, name: string): string | undefined {
  const own = `${owner}.${name}`;
  if (Object.hasOwn(FIELDS, own)) return FIELDS[own];
  return Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
}
