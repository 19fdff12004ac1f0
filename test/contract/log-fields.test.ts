import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { personalDataNames } from '../../src/personal-data/personal-data-names';
import { createRedaction } from '../../src/telemetry/redaction';

const src = join(__dirname, '../../src');
const logCall =
  /\blog(?:ger)?(?:\(\))?(?:\.(?:trace|debug|info|warn|error|child)|\[[^\]]+\])\(\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}/g;

/** The fields of every log call of the service that gives them as a literal object. */
const logged = readdirSync(src, { recursive: true })
  .map(String)
  .filter((path) => path.endsWith('.ts'))
  .flatMap((path) =>
    [...readFileSync(join(src, path), 'utf8').matchAll(logCall)].flatMap(([, fields = '']) =>
      [...fields.matchAll(/(?:^|,)\s*(\w+)\s*(?=[,:]|$)/g)].map(([, name = '']) => ({ path, name })),
    ),
  );

describe('the fields of the service’s log lines', () => {
  it('are found in the source', () => {
    expect(logged.length).toBeGreaterThan(60);
    expect(logged.map(({ name }) => name)).toEqual(expect.arrayContaining(['err', 'method', 'statusCode']));
  });

  it('have names that are not redacted', () => {
    const { redact } = createRedaction(personalDataNames());
    const redacted = logged.filter(({ name }) => redact({ [name]: 1 })[name] !== 1);
    expect(redacted).toEqual([]);
  });
});
