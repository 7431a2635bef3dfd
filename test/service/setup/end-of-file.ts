import { afterAll } from 'vitest';
import { cleanUp } from './registry.ts';

// Runs before each test file, although the modules that the files share are loaded once for all of them.
afterAll(cleanUp);
