import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { ImportedUser, ImportOutcome, UserImport } from '../users/user-import';
import { readCsvRows } from './bulk/csv-rows';
import { readNdjsonRows } from './bulk/ndjson-rows';
import type { SourceRow } from './bulk/source-row';
import { readUserRow } from './bulk/user-row';
import { createProgress, printLine } from './output';
import { operator, withServices } from './with-services';

const batchSize = 250;
const formats = { ndjson: readNdjsonRows, csv: readCsvRows };
type Format = keyof typeof formats;

interface ImportFlags {
  readonly format?: Format;
  readonly json?: boolean;
}

/** Adds `import`: creates users in bulk. A repeated run skips existing users and reports them as `exists`. */
export function registerImportCommand(program: Command): void {
  program
    .command('import <file>')
    .description(
      'create users from the rows of a file (.ndjson or .csv; - is standard input), with a result per row',
    )
    .addOption(
      new Option('--format <format>', 'format of the file (default: from its name)').choices(
        Object.keys(formats),
      ),
    )
    .option('--json', 'one JSON document a line: line, outcome, userId, fields')
    .action(
      async (file: string, { format = formatOf(file), json = false }: ImportFlags, command: Command) => {
        if (!format) command.error(`error: ${file} is neither .ndjson nor .csv: set --format`);
        const read = formats[format];
        const counts = await withServices(process.env, ({ services: { userImport } }) =>
          importAll(userImport, { file, read, json }),
        );
        const { created = 0, exists = 0, ...failed } = counts;
        const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
        (json ? process.stderr : process.stdout).write(
          `${created} created, ${exists} there already, ${failures} failed\n`,
        );
        if (failures > 0) process.exitCode = 1;
      },
    );
}

function formatOf(file: string): Format | undefined {
  if (file === '-') return 'ndjson';
  return (Object.keys(formats) as Format[]).find((format) => file.toLowerCase().endsWith(`.${format}`));
}

interface ImportSource {
  readonly file: string;
  readonly read: (source: AsyncIterable<Buffer>) => AsyncIterable<SourceRow>;
  readonly json: boolean;
}

/** Imports the file batch by batch and prints a result per row. Returns the number of rows by outcome. */
async function importAll(
  userImport: UserImport,
  { file, read, json }: ImportSource,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const bytes = file === '-' ? null : (await stat(file)).size;
  const source = bytes === null ? process.stdin : createReadStream(file);
  const progress = createProgress('bytes', bytes);
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      progress.advance(chunk.length);
      yield chunk;
    }
  }
  const importBatch = async (rows: readonly SourceRow[]) => {
    for (const { line, ...result } of await resultsOf(userImport, rows)) {
      counts[result.outcome] = (counts[result.outcome] ?? 0) + 1;
      await printLine(json ? JSON.stringify({ line, ...result }) : readable(line, result));
    }
  };
  let batch: SourceRow[] = [];
  for await (const row of read(counted())) {
    batch.push(row);
    if (batch.length < batchSize) continue;
    await importBatch(batch);
    batch = [];
  }
  await importBatch(batch);
  progress.finish();
  return counts;
}

/** Imports the readable rows. Returns one result for every row, in order, also for unreadable ones. */
async function resultsOf(
  userImport: UserImport,
  rows: readonly SourceRow[],
): Promise<(ImportOutcome & { line: number })[]> {
  const inputs: ImportedUser[] = [];
  const read = rows.map((row) => {
    const user = 'record' in row ? readUserRow(row.record) : row;
    if ('input' in user) inputs.push(user.input);
    return { line: row.line, user };
  });
  const outcomes = (await userImport.import(operator, inputs)).values();
  return read.map(({ line, user }) =>
    'input' in user
      ? { line, ...(outcomes.next().value as ImportOutcome) }
      : { line, outcome: 'INVALID_INPUT', fields: user.fields },
  );
}

function readable(line: number, result: ImportOutcome): string {
  const rest =
    'fields' in result
      ? result.fields.map(({ path, message }) => `${path} ${message}`).join('; ')
      : 'userId' in result
        ? result.userId
        : '';
  return `${line}  ${result.outcome}${rest && `  ${rest}`}`;
}
