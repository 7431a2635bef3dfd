/** `npm run -s inspect -- FILE…`; the command itself is part of the command line. */
export { main } from '../cli/inspect.ts';
