import manifest from '../package.json' with { type: 'json' };

/** The version of the package that this Worker was made from. */
export const VERSION: string = manifest.version;
