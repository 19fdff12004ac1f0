import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const top = resolve(__dirname, '../..');
const read = (path: string) => readFileSync(join(top, path), 'utf8');

describe('the version in package.json', () => {
  it('equals that of the last release, the lock file and the contract', () => {
    const { version } = JSON.parse(read('package.json'));
    const [, released] = /^## (\d+\.\d+\.\d+) – \d{4}-\d\d-\d\d$/m.exec(read('CHANGELOG.md')) ?? [];
    const lock = JSON.parse(read('package-lock.json'));
    expect([
      released,
      lock.version,
      lock.packages[''].version,
      parse(read('contract/asyncapi.yaml')).info.version,
    ]).toEqual(Array(4).fill(version));
  });
});
