import { describeError } from '../../../src/telemetry/describe-error';

describe('describeError', () => {
  it('returns name, code, constraint and location without the message', () => {
    const error = Object.assign(new Error('invalid input syntax: "ada@example.com"\n  at ada@example.com'), {
      code: '22P02',
      constraint: 'users_email_key',
      detail: 'Key (email)=(ada@example.com)',
      parameters: ['ada@example.com'],
    });
    const description = describeError(error);
    expect(description).toMatchObject({ name: 'Error', code: '22P02', constraint: 'users_email_key' });
    expect(description.at).toMatch(/^\S+ \(test\/unit\/telemetry\/describe-error\.test\.ts:\d+:\d+\)$/);
    expect(JSON.stringify(description)).not.toContain('ada');
  });

  it('includes the message of a programming error', () => {
    expect(describeError(new TypeError('x is not a function')).message).toBe('x is not a function');
  });

  it('returns the type of a thrown value that is not an error', () => {
    expect(describeError('ada@example.com')).toEqual({ name: 'thrown string' });
  });

  it('includes the message of a failed system call', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    });
    expect(describeError(refused).message).toBe('connect ECONNREFUSED 127.0.0.1:5432');
  });

  it('includes causes, and ends in a circle of causes', () => {
    const error = new Error('outer', { cause: new TypeError('inner') });
    expect(describeError(error).cause).toMatchObject({ name: 'TypeError', message: 'inner' });
    (error.cause as Error).cause = error;
    const names = JSON.stringify(describeError(error)).match(/"name":"\w+"/g);
    expect(names).toEqual(['Error', 'TypeError', 'Error', 'TypeError'].map((name) => `"name":"${name}"`));
  });
});
