import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let commands: CommandLine;
let database: TestDatabase;
let folder: string;
const running = new Set<ChildProcess>();
beforeAll(async () => {
  commands = openCommandLine();
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'import-'));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
  await commands.close();
});

/** The most rows that are read ahead of the last result: more than the batches of reading and writing. */
const mostAhead = 500;

interface Import {
  /** The path of the file; defaults to standard input. */
  readonly file?: string;
  readonly heapMb: number;
  /** Generates the text of the file in chunks, on demand. It may wait for results. */
  readonly text: (results: Results) => AsyncGenerator<string> | Generator<string>;
}

interface Results {
  /** Resolves when the import has printed this many. */
  reached(count: number): Promise<void>;
}

/** Runs an import in a process with a small heap, and returns how many rows had each outcome. */
async function runImport({ file = '-', heapMb, text }: Import) {
  const program = join(commands.checkout, 'bin', 'user-service.js');
  const args = [`--max-old-space-size=${heapMb}`, program, 'import', file, '--json'];
  const child = spawn(process.execPath, args, {
    cwd: commands.checkout,
    env: { PATH: process.env['PATH'], DATABASE_URL: database.url },
  });
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const waiting: { count: number; resolve: () => void }[] = [];
  const outcomes: Record<string, number> = {};
  let count = 0;
  const results: Results = {
    reached: (wanted) =>
      wanted <= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count: wanted, resolve })),
  };
  const read = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const [, outcome = line] = /"outcome":"(\w+)"/.exec(line) ?? [];
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      count += 1;
      while (waiting[0] && waiting[0].count <= count) waiting.shift()?.resolve();
    }
  })();
  const into: Writable = file === '-' ? child.stdin : createWriteStream(file);
  // A process that exits early closes the pipe; its exit code shows the failure.
  const fed = pipeline(Readable.from(text(results)), into).catch(() => undefined);
  const [code] = await exited;
  await Promise.all([read, file === '-' ? fed : undefined]);
  return { code, outcomes, stderr };
}

it('import reads a file that is far larger than its memory', async () => {
  const rowCount = 20_000;
  // The row, and its result with every field, have more than two kilobytes each.
  const odd = Object.fromEntries(Array.from({ length: 25 }, (_, at) => [`unknown${at}`, 'x'.repeat(100)]));
  const oddRow = `${JSON.stringify(odd)}\n`;
  const { code, outcomes, stderr } = await runImport({
    heapMb: 80,
    *text() {
      for (let at = 0; at < rowCount; at += 1)
        yield at % 100 === 0 ? `${JSON.stringify(personOf(at))}\n` : oddRow;
    },
  });
  expect({ code, outcomes }).toEqual({
    code: 1,
    outcomes: { created: rowCount / 100, INVALID_INPUT: rowCount - rowCount / 100 },
  });
  expect(stderr).toContain(`${rowCount / 100} created`);
});

it('import prints results before the end of the file', async () => {
  const rowCount = 2 * mostAhead;
  const file = join(folder, 'endless.csv');
  execFileSync('mkfifo', [file]);
  const { code, outcomes } = await runImport({
    file,
    heapMb: 100,
    async *text(results) {
      yield 'email,firstName,lastName\n';
      for (let at = 0; at < rowCount; at += 1) {
        await results.reached(at - mostAhead);
        yield `${Object.values(personOf(at, 'endless')).join()}\n`;
      }
    },
  });
  expect({ code, outcomes }).toEqual({ code: 0, outcomes: { created: rowCount } });
});

const personOf = (at: number, name = 'person') => ({
  email: `${name}-${at}@example.com`,
  firstName: 'Ada',
  lastName: 'Lovelace',
});
