/** The groups of routes in the document, in its order, each with what it is about. A route names one of them. */
export const TAGS: Readonly<Record<string, string>> = {
  Images:
    'Images of disks. An image is made from a file that is uploaded, or from what is in the registry already; its disk is inspected before the image is READY.',
  'Image families':
    'Images of a folder that share a family: which of them is the latest, and who made it that.',
  Uploads:
    'How the bytes of an image arrive: in parts, straight at the object store, under URLs that are signed for one part each.',
  Disks:
    'Disks, empty or made of an image or a snapshot. One on its own copy of the bytes is READY when they are copied, any other at once.',
  Snapshots: 'What a disk held at one moment. A snapshot stays when its disk is deleted.',
  Webhooks:
    'Addresses that are told what happens to the images and families of a folder, by requests that are signed, tried again and kept on record.',
  Operations:
    'What a change came to, or will come to. Every change answers with its operation; one that takes longer is asked for again until it is done.',
  Clouds: 'Tenants. Quotas are counted per cloud.',
  Folders: 'What resources stand in. Rights on a folder are rights on everything in it.',
  'Service accounts': 'Who calls: every credential belongs to a service account.',
  'API keys': 'Secrets with which a service account calls.',
  'Authorized keys': 'Key pairs: a JWT signed with the private key is exchanged for an IAM token.',
  'IAM tokens': 'Short-lived secrets with which a service account calls.',
  'Workload identity':
    'Issuers of OIDC tokens that are trusted, and which of their subjects act as which service account: a job calls without a stored secret.',
  Roles: 'What can be granted on a resource.',
  Quotas:
    'How much of everything a cloud may have, and requests for more, which an administrator of the organization settles.',
  Maintenance:
    'What the clock does: its duties, what each did, and runs by hand. For administrators of the organization.',
  Audit:
    'Who changed what: one event a change, kept for a year unless the operator says otherwise, also for what is gone.',
  Health: 'Whether the registry runs, and whether everything that it needs answers.',
  Document: 'This document.',
};
