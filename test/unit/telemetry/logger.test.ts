import { createLogger } from '../../../src/telemetry/logger';

function logInto(
  lines: string[],
  options: { level?: string; readable?: boolean; personalNames?: string[] } = {},
) {
  const destination = { write: (line: string) => void lines.push(line) };
  return createLogger({ level: 'info', readable: false, ...options, destination });
}

describe('createLogger', () => {
  it('writes one JSON document per line, with an ISO time and the name of the level', () => {
    const lines: string[] = [];
    logInto(lines).info({ userId: 'u-1' }, 'created');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      userId: 'u-1',
      msg: 'created',
    });
  });

  it('writes nothing below its level', () => {
    const lines: string[] = [];
    logInto(lines, { level: 'warn' }).info('quiet');
    expect(lines).toEqual([]);
  });

  it('replaces values under the names of secrets and personal data, at any depth and in bindings', () => {
    const lines: string[] = [];
    const personalNames = ['email', 'firstName', 'phoneNumber', 'address'];
    const log = logInto(lines, { personalNames }).child({ email: 'x1' });
    log.info({
      headers: { Authorization: 'x2', 'router-authorization': 'x3', cookie: 'x4' },
      input: [{ password: 'x5', first_name: 'x6', deeper: { phoneNumber: 'x7', address: { city: 'x8' } } }],
      userId: 'u-1',
    });
    expect(lines[0]).not.toMatch(/x\d/);
    expect(lines[0]).toContain('u-1');
  });

  it.each(
    [
      [
        'authorization',
        'routerAuthorization',
        'cookie',
        'setCookie',
        'token',
        'accessToken',
        'secret',
        'password',
      ],
      [
        'search',
        'notes',
        'phone',
        'variables',
        'parameters',
        'detail',
        'body',
        'query',
        'where',
        'rawPacket',
      ],
    ].flat(),
  )('replaces the value of a field named %s in each spelling', (name) => {
    const lines: string[] = [];
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const spellings = [name, name.toUpperCase(), snake, snake.replaceAll('_', '-')];
    for (const spelling of spellings)
      logInto(lines).info({ [spelling]: 'hunter2', deeper: { [spelling]: 'hunter2' } });
    expect(lines).toHaveLength(spellings.length);
    for (const line of lines) expect(line).not.toContain('hunter2');
  });

  it('replaces e-mail addresses, tokens and credentials in URLs anywhere in a line', () => {
    const lines: string[] = [];
    const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln';
    logInto(lines).info(
      { note: 'from Grüße@münchen.example', url: 'postgres://ada:hunter2@db.internal:5432/users' },
      `mail to ada+x@example.com with ${jwt} and Bearer abcdefghijk`,
    );
    for (const secret of ['Grüße', 'hunter2', 'ada', 'eyJ', 'abcdefghijk'])
      expect(lines[0]).not.toContain(secret);
  });

  it('keeps paths of scoped packages', () => {
    const lines: string[] = [];
    logInto(lines).info({ file: '/app/node_modules/@apollo/server/dist/run.js' }, 'x');
    expect(lines[0]).toContain('node_modules/@apollo/server/dist/run.js');
  });

  it('writes errors with name, code and location, never with a message that may quote input', () => {
    const lines: string[] = [];
    const log = logInto(lines);
    const error = Object.assign(new Error('invalid input syntax for type uuid: "Ada Lovelace"'), {
      code: '22P02',
      parameters: ['Ada Lovelace'],
    });
    log.error(error);
    log.error({ err: error, requestId: 'r-1' });
    log.error({ err: error }, 'query failed');
    log.error({ nested: { failure: new Error('outer Lovelace', { cause: error }) } }, 'nested');
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).not.toContain('Lovelace');
      expect(line).toContain('22P02');
      expect(line).toContain('logger.test.ts');
    }
    expect(lines[1]).toContain('r-1');
    expect(lines[2]).toContain('query failed');
  });

  it('writes errors and times five levels deep, and no objects there', () => {
    const lines: string[] = [];
    const at = new Date(0);
    const five = (inner: object) => ({ a: { b: { c: { d: inner } } } });
    logInto(lines).info(five({ error: new TypeError('broken'), at, object: {}, list: [] }), 'deep');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject(
      five({
        error: { name: 'TypeError', message: 'broken' },
        at: at.toISOString(),
        object: '[too deep]',
        list: '[too deep]',
      }),
    );
  });

  it('writes plain lines if readable', () => {
    const lines: string[] = [];
    const log = logInto(lines, { readable: true });
    log.warn({ attempts: 3, url: 'http://127.0.0.1:4001' }, 'PostgreSQL is unavailable');
    log.error({ err: Object.assign(new TypeError('x is not a function'), { code: 'E1' }) }, 'failed');
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}PostgreSQL is unavailable {2}attempts=3 {2}url=http:\/\/127.0.0.1:4001\n$/,
    );
    expect(lines[1]).toMatch(/error failed\n {6}TypeError E1 x is not a function at .*logger.test.ts/);
  });

  it('writes a long word before an @ in linear time', () => {
    const lines: string[] = [];
    const startedAt = performance.now();
    logInto(lines).info({ text: `${'x'.repeat(100_000)}@` }, 'long');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
