import { QueryFailedError } from 'typeorm';
import { isDatabaseUnavailable } from '../../../src/postgres/database-unavailable';

const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code });

describe('isDatabaseUnavailable', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    '57P01',
    '57P02',
    '57P03',
    '53300',
    '40P01',
    '57014',
    '55P03',
    '08006',
    '25P03',
  ])('returns true for the code %s', (code) => {
    expect(isDatabaseUnavailable(coded(code))).toBe(true);
  });

  it.each([
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'timeout expired',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
  ])('returns true for the driver’s message "%s"', (message) => {
    expect(isDatabaseUnavailable(new Error(message))).toBe(true);
  });

  it('returns true for such an error wrapped by TypeORM', () => {
    expect(isDatabaseUnavailable(new QueryFailedError('SELECT 1', [], coded('57P01')))).toBe(true);
    const allAddresses = new AggregateError([coded('ECONNREFUSED')]);
    expect(isDatabaseUnavailable(new QueryFailedError('SELECT 1', [], allAddresses))).toBe(true);
    expect(isDatabaseUnavailable(new QueryFailedError('SELECT 1', [], new Error('Query read timeout')))).toBe(
      true,
    );
  });

  it('returns true for the AggregateError of a host with several addresses', () => {
    for (const other of ['ENETUNREACH', 'EACCES'])
      expect(isDatabaseUnavailable(new AggregateError([coded('ECONNREFUSED'), coded(other)]))).toBe(true);
  });

  it.each([
    ['a violated constraint', coded('23505', 'duplicate key')],
    ['a syntax error', coded('42601')],
    ['a failed serialization', coded('40001')],
    ['a driver message that a statement merely quotes', coded('22P02', 'Query read timeout')],
    ['a programming error', new TypeError('x is not a function')],
    ['a thrown string', 'Connection terminated'],
    ['undefined', undefined],
  ])('returns false for %s', (_what, error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  });
});
