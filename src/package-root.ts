import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder of this package: the checkout, or what the image holds. Compiled files lie deeper than their sources,
 * and commands may be called from any folder.
 *
 * @throws Error when there is none: then the build is wrong
 */
export function packageRoot(from = __dirname): string {
  if (existsSync(join(from, 'package.json'))) return from;
  if (dirname(from) === from) throw new Error('package.json is missing: the service is not whole');
  return packageRoot(dirname(from));
}
