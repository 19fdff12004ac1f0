import { withDatabase } from '../../../src/commands/with-database';
import { UnreachableError } from '../../../src/postgres/connection-attempts';

const env = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };

it('withDatabase names DATABASE_URL if the PostgreSQL of that setting could not be reached', async () => {
  const work = () => Promise.reject(new UnreachableError('PostgreSQL could not be reached.'));
  await expect(withDatabase(env, work)).rejects.toThrow(
    /^PostgreSQL could not be reached\. Check DATABASE_URL\.$/,
  );
});

it('withDatabase throws another error unchanged', async () => {
  const error = new Error('PostgreSQL was reached, but did not succeed within 10 s: 57014.');
  await expect(withDatabase(env, () => Promise.reject(error))).rejects.toBe(error);
});
