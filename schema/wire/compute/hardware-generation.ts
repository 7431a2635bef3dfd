import * as z from '../../zod.ts';
import { enumeration, message } from '../json.ts';

/** In a request: one of two kinds of features, or neither, which equals "not given". */
export const hardwareGenerationMessage = message({
  legacyFeatures: message({
    pciTopology: enumeration(['PCI_TOPOLOGY_UNSPECIFIED', 'PCI_TOPOLOGY_V1', 'PCI_TOPOLOGY_V2']).optional(),
  }).optional(),
  generation2Features: message({}).optional(),
}).superRefine((given, context) => {
  if (given.legacyFeatures !== undefined && given.generation2Features !== undefined) {
    context.addIssue({
      code: 'custom',
      message: 'legacy_features and generation2_features exclude each other; give one of them',
    });
  }
});

/** In an answer: exactly one of them, written out. */
export const hardwareGeneration = z.object({
  legacyFeatures: z.object({ pciTopology: z.enum(['PCI_TOPOLOGY_V1', 'PCI_TOPOLOGY_V2']) }).optional(),
  generation2Features: z.object({}).optional(),
});
