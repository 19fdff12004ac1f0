import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');

/**
 * Builds the service into a new temporary folder with an empty `.data/`, and answers the folder: a checkout of one's own,
 * in which `bin/user-service.js` runs. Packages are those of this checkout unless told otherwise.
 */
export function buildCheckout({ linkPackages = true } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'checkout-'));
  for (const name of ['package.json', 'bin', 'contract/schemas'])
    cpSync(join(top, name), join(folder, name), { recursive: true });
  if (linkPackages) symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'));
  const swc = join(top, 'node_modules/@swc/cli/bin/swc.js');
  const build = [swc, 'src', 'migrations', '--out-dir', join(folder, 'dist'), '--quiet'];
  execFileSync(process.execPath, build, { cwd: top });
  return folder;
}
