/** What the soak believes of a registry: in which states each thing may be, and what a call may answer. */

/** Where an image may be. Two states that the rows do not tell apart are kept apart here, because calls do. */
export type ImageState = 'AWAITING' | 'JUDGING' | 'READY' | 'TRASHED' | 'PURGED' | 'GONE';

/** What the rows show of each state. */
const SHOWN: Readonly<Record<ImageState, string>> = {
  AWAITING: 'CREATING',
  JUDGING: 'CREATING',
  READY: 'READY',
  TRASHED: 'TRASHED',
  PURGED: 'PURGED',
  GONE: 'GONE',
};

export interface ImageModel {
  readonly id: string;
  /** Of the creation. */
  readonly operationId: string;
  readonly family: string;
  /** What the inspection will say of its bytes. */
  readonly accepted: boolean;
  may: ReadonlySet<ImageState>;
  /** Whether every part was PUT and answered with 200. */
  sent: boolean;
  deleteProtection: boolean;
  /** Holders whose lease is in force. */
  readonly leases: Set<string>;
  /** Calls whose outcome is unknown since may have changed what holds it. */
  uncertain: boolean;
  /** The clock may delete it: its date has come, or its family has a policy. */
  deletable: boolean;
}

/** A disk or a snapshot. */
export interface VolumeModel {
  readonly id: string;
  readonly kind: 'disk' | 'snapshot';
  readonly operationId: string;
  /** undefined while it is not known. */
  state: 'CREATING' | 'READY' | 'GONE' | undefined;
}

/** What every state leads to by itself: a verdict comes, the clock ticks. */
export function reachable(image: ImageModel): ReadonlySet<ImageState> {
  const all = new Set(image.may);
  if (all.has('JUDGING')) all.add(image.accepted ? 'READY' : 'GONE');
  if (all.has('READY') && image.deletable && !isHeld(image)) all.add('TRASHED');
  return all;
}

/** Nothing but force may take it away. */
export function isHeld(image: ImageModel): boolean {
  return !image.uncertain && (image.deleteProtection || image.leases.size > 0);
}

/**
 * Takes in what the rows show of an image. out: what is wrong with it, if it cannot be so.
 */
export function observe(image: ImageModel, shown: string): string | undefined {
  const left = [...reachable(image)].filter((state) => SHOWN[state] === shown);
  if (left.length === 0) {
    return `image ${image.id} is ${shown}; it can be ${[...reachable(image)].join(' or ')}${isHeld(image) ? ', and is held' : ''}`;
  }
  image.may = new Set(left);
  return undefined;
}

export interface World {
  readonly images: Map<string, ImageModel>;
  readonly volumes: Map<string, VolumeModel>;
  /** Families with a policy. */
  readonly ruled: Set<string>;
}

/** Those that may be in a state. */
export const imagesIn = ({ images }: World, ...states: readonly ImageState[]): ImageModel[] =>
  [...images.values()].filter((image) => states.some((state) => reachable(image).has(state)));
