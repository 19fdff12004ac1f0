import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');
// One process environment carries the build from the global setup to every test file.
const variable = 'TEST_BUILD';

/** Returns the folder with the compiled service and test programs. Built once per test run. */
export function sharedBuild(): string {
  const built = process.env[variable];
  if (built) return built;
  const folder = mkdtempSync(join(tmpdir(), 'user-service-build-'));
  for (const name of ['package.json', 'bin', 'contract/schemas'])
    cpSync(join(top, name), join(folder, name), { recursive: true });
  symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'));
  const swc = join(top, 'node_modules/@swc/cli/bin/swc.js');
  const build = [swc, 'src', 'migrations', 'test/testkit', '--out-dir', join(folder, 'dist'), '--quiet'];
  execFileSync(process.execPath, build, { cwd: top });
  process.env[variable] = folder;
  // A benchmark has no global teardown.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The compiled file of a test program, to be run by Node. */
export function builtProgram(name: `${string}-process`): string {
  return join(sharedBuild(), 'dist', 'test', 'testkit', `${name}.js`);
}

/**
 * Copies the built service to a new temporary folder, in which `bin/user-service.js` runs, and returns the folder.
 * `node_modules` is linked to that of this checkout by default.
 */
export function buildCheckout({ linkPackages = true } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'checkout-'));
  for (const name of ['package.json', 'bin', 'contract', 'dist/src', 'dist/migrations'])
    cpSync(join(sharedBuild(), name), join(folder, name), { recursive: true });
  if (linkPackages) symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
