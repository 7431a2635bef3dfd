import { WorkerEntrypoint } from 'cloudflare:workers';
import { type InspectOptions, inspect } from '../inspect/inspect.ts';
import type { RangeReader } from '../inspect/readers/range-reader.ts';
import type { Report } from '../inspect/report.ts';

/**
 * The Worker that inspects images. It parses bytes that nobody vouches for, so there is nothing that they could get at:
 * it has no address, no settings, no secret and no binding. The registry's Worker calls it, and reads for it.
 */
export default class Inspection extends WorkerEntrypoint {
  /**
   * in: the size of an image in bytes, and how a range of it is read (`RangeReader.read`, in the caller). out: what it
   * is found to be. Rejects only when `read` does, or when this Worker was ended.
   */
  async inspect(sizeBytes: number, read: RangeReader['read'], options: InspectOptions): Promise<Report> {
    return await inspect({ size: sizeBytes, read: (offset, length) => read(offset, length) }, options);
  }
}
