import { defineConfig } from 'vitest/config';

// Four projects: pure rules, the inspection and the page /docs in a browser, the storage contract, and the whole
// registry over HTTP on real local parts.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'storage',
          include: ['test/storage/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'service',
          include: ['test/service/**/*.test.ts', 'test/faults/**/*.test.ts'],
          globalSetup: ['test/service/setup/global.ts'],
          setupFiles: ['test/service/setup/end-of-file.ts'],
          // Loading the local runtime takes longer than most of these files do: once for all of them.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
