import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const top = resolve(__dirname, '../..');

/** Unit tests whose path has no source file at the same path below src. */
function withoutSource(tests: readonly string[]): string[] {
  return tests.filter((path) => !existsSync(join(top, 'src', path.replace(/\.test\.ts$/, '.ts'))));
}

describe('test/unit', () => {
  it('has a source file in src for every test', () => {
    const tests = readdirSync(join(top, 'test/unit'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.test.ts'),
    );
    expect(tests.length).toBeGreaterThan(20);
    expect(withoutSource(tests)).toEqual([]);
  });

  it('is compared by path', () => {
    expect(withoutSource(['users/user.cache.test.ts', 'http/user.cache.test.ts'])).toEqual([
      'http/user.cache.test.ts',
    ]);
  });
});
