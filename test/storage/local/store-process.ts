/** The local store as a process of its own: settings as JSON in the first argument, a parent that asks over IPC. */
import { type ObjectStoreSettings, startObjectStore } from '../../../dev/object-store/server.ts';

const settings: ObjectStoreSettings = JSON.parse(process.argv[2] ?? '');
const { url } = await startObjectStore(settings);
process.on('message', () => process.send?.({ peakRssBytes: process.resourceUsage().maxRSS * 1024 }));
process.send?.({ url });
