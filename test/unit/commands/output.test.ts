import { printLine } from '../../../src/commands/output';

test('printLine rejects with the error of a failed write', async () => {
  const failure = new Error('write EPIPE');
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((_text, done) => {
    (done as unknown as (error: Error) => void)(failure);
    return false;
  });
  await expect(printLine('a result')).rejects.toBe(failure);
  write.mockRestore();
});
