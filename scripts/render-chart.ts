import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(__dirname, '../deploy/helm');
export const renderedFile = join(folder, 'user-service.rendered.yaml');

/** The first lines of the rendered file. They show whether the chart has changed since, also without helm. */
export function renderedHead(): string {
  const files = readdirSync(join(folder, 'user-service'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .concat(join(folder, 'production.values.yaml'))
    .sort((one, other) => (one < other ? -1 : 1));
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file.slice(folder.length)}\0`).update(readFileSync(file));
  return `# Made by: node scripts/run.cjs scripts/render-chart.ts (needs helm)\n# sha256 of the chart and its values: ${hash.digest('hex')}\n`;
}

/** Runs helm on the chart with the example values. */
export function helm(...args: string[]) {
  const values = ['--values', 'production.values.yaml'];
  return spawnSync('helm', [...args, ...values], { cwd: folder, encoding: 'utf8' });
}

if (process.argv[1]?.endsWith('render-chart.ts')) {
  const { status, stdout, stderr, error } = helm('template', 'users', 'user-service');
  if (status === 0) writeFileSync(renderedFile, renderedHead() + stdout);
  else process.stderr.write(stderr || `${error}\n`);
  process.exitCode = status ?? 1;
}
