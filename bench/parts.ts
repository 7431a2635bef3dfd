import { bundle } from './bundle.ts';
import { cleanUp, cleanUpWhole } from './clean-up.ts';
import { copies } from './copies.ts';
import { disks } from './disks.ts';
import { inspection } from './inspection.ts';
import type { Part } from './part.ts';
import { reads } from './reads.ts';
import { uploads } from './uploads.ts';
import { writes } from './writes.ts';

/** All parts, in the order in which they run. */
export const PARTS: readonly Part[] = [
  reads,
  writes,
  inspection,
  uploads,
  disks,
  copies,
  cleanUp,
  cleanUpWhole,
  bundle,
];
