import { Closers } from '../../../src/scheduling/closers';

it('Closers calls the functions one after the other, the latest first', async () => {
  const calls: string[] = [];
  const closers = new Closers();
  for (const name of ['first', 'second', 'third'])
    closers.push(async () => {
      calls.push(`${name} starts`);
      await new Promise(setImmediate);
      calls.push(`${name} ends`);
    });
  await closers.close();
  expect(calls).toEqual(['third', 'second', 'first'].flatMap((name) => [`${name} starts`, `${name} ends`]));
});

it('Closers calls every function after one has thrown, and throws its error at the end', async () => {
  const closed = jest.fn(async () => undefined);
  const closers = new Closers();
  closers.push(closed);
  closers.push(() => {
    throw new Error('stuck');
  });
  closers.push(closed);
  await expect(closers.close()).rejects.toThrow('stuck');
  expect(closed).toHaveBeenCalledTimes(2);
});

it('Closers throws an AggregateError when several functions have thrown', async () => {
  const closers = new Closers();
  for (const message of ['one', 'other']) closers.push(() => Promise.reject(new Error(message)));
  await expect(closers.close()).rejects.toMatchObject({ errors: [{ message: 'other' }, { message: 'one' }] });
});

it('Closers calls each function once, however often close is called', async () => {
  const closed = jest.fn(async () => undefined);
  const closers = new Closers();
  closers.push(closed);
  await Promise.all([closers.close(), closers.close()]);
  await closers.close();
  expect(closed).toHaveBeenCalledTimes(1);
});
