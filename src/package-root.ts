import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Returns the folder of this package, in a checkout or in the image. It depends neither on the working directory nor
 * on whether the code is compiled.
 *
 * @throws Error when package.json is missing
 */
export function packageRoot(from = __dirname): string {
  if (existsSync(join(from, 'package.json'))) return from;
  if (dirname(from) === from) throw new Error('package.json is missing: the installation is incomplete.');
  return packageRoot(dirname(from));
}

/** Returns the version in package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version;
}
