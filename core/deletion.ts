/** Why an image is deleted: somebody asked, its family's policy, its own date, or the deletion of its folder. */
export const DELETION_REASONS = ['REQUEST', 'POLICY', 'DATE', 'FOLDER'] as const;
export type DeletionReason = (typeof DELETION_REASONS)[number];
