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

/** Rows that may lie between the one that is read and the one that is answered: batches of both are smaller. */
const mostAhead = 500;

interface Import {
  /** Where the file goes; standard input unless told. */
  readonly file?: string;
  readonly heapMb: number;
  /** The text of the file, piece by piece, made when there is room for it; may wait for answers. */
  readonly text: (answers: Answers) => AsyncGenerator<string> | Generator<string>;
}

interface Answers {
  /** Resolves when there are so many. */
  reached(count: number): Promise<void>;
}

/** Runs an import in a process with a small heap, and answers what it told of the rows. */
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
  const answers: Answers = {
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
  // A process that dies reads no further; then its exit code says so.
  const fed = pipeline(Readable.from(text(answers)), into).catch(() => undefined);
  const [code] = await exited;
  await Promise.all([read, file === '-' ? fed : undefined]);
  return { code, outcomes, stderr };
}

it('imports a file that is far larger than its memory', async () => {
  const rowCount = 20_000;
  // Its row and its answer, which names each field, have two kilobytes and more.
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

it('answers the rows there are while the file has no end yet', async () => {
  const rowCount = 2_000;
  const file = join(folder, 'endless.csv');
  execFileSync('mkfifo', [file]);
  const { code, outcomes } = await runImport({
    file,
    heapMb: 100,
    async *text(answers) {
      yield 'email,firstName,lastName\n';
      for (let at = 0; at < rowCount; at += 1) {
        await answers.reached(at - mostAhead);
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
