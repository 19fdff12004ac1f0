import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ImportedUser, ImportOutcome, UserImport } from '../users/user-import';
import { type ColumnChoices, fieldNames, findField } from './bulk/csv-columns';
import { readCsvRows } from './bulk/csv-rows';
import { readNdjsonRows } from './bulk/ndjson-rows';
import type { SourceRow } from './bulk/source-row';
import { readUserRow } from './bulk/user-row';
import { createProgress, printLine } from './output';
import { operator, withServices } from './with-services';

const batchSize = 250;
const formats = { ndjson: readNdjsonRows, csv: readCsvRows };
type Format = keyof typeof formats;
const formatsByEnding: Readonly<Record<string, Format>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.tsv': 'csv',
};

interface ImportFlags extends Partial<ColumnChoices> {
  readonly format?: Format;
  readonly json?: boolean;
}

/**
 * Adds `import`: creates users in bulk. A run repeated within 7 days reports the users of the first one as `exists`,
 * unless they were erased.
 */
export function registerImportCommand(program: Command): void {
  program
    .command('import <file>')
    .description(
      'create users from the rows of a file (.ndjson, .jsonl, .csv or .tsv; - is standard input), with a result per row',
    )
    .addOption(
      new Option('--format <format>', 'format of the file (default: from its name, ndjson for -)').choices(
        Object.keys(formats),
      ),
    )
    .option(
      '--map <column=field>',
      'import a column of a CSV file as this field; may be repeated',
      addMapping,
    )
    .option('--ignore <column>', 'leave out a column of a CSV file; may be repeated', addIgnored)
    .option('--json', 'one JSON document a line: line, outcome, userId, fields')
    .action(async (file: string, flags: ImportFlags, command: Command) => {
      const { format = formatOf(file), map = new Map(), ignore = new Set(), json = false } = flags;
      if (!format)
        command.error(`error: ${file} does not end in .ndjson, .jsonl, .csv or .tsv: set --format`);
      if (format !== 'csv' && map.size + ignore.size > 0)
        command.error('error: --map and --ignore are only for CSV');
      for (const column of ignore)
        if (map.has(column)) command.error(`error: "${column}" is in both --map and --ignore`);
      const read = (source: AsyncIterable<Buffer>) => formats[format](source, { map, ignore });
      const counts = await withServices(process.env, ({ services: { userImport } }) =>
        importAll(userImport, { file, read, json }),
      );
      const { created = 0, exists = 0, ...failed } = counts;
      const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
      (json ? process.stderr : process.stdout).write(
        `${created} created, ${exists} existed, ${failures} failed\n`,
      );
      if (failures > 0) process.exitCode = 1;
    });
}

function formatOf(file: string): Format | undefined {
  return file === '-' ? 'ndjson' : formatsByEnding[extname(file).toLowerCase()];
}

/** Returns the mappings with `column=field` added. The last `=` separates, so a column's name may contain others. */
function addMapping(text: string, before: ColumnChoices['map'] = new Map()): ColumnChoices['map'] {
  const at = text.lastIndexOf('=');
  const column = text.slice(0, Math.max(at, 0)).trim();
  const field = findField(text.slice(at + 1));
  if (column === '') throw new InvalidArgumentError('Expected COLUMN=FIELD.');
  if (!field) throw new InvalidArgumentError(`The fields are ${fieldNames.join(', ')}.`);
  if (before.has(column)) throw new InvalidArgumentError('The column is mapped twice.');
  return new Map([...before, [column, field]]);
}

function addIgnored(column: string, before: ColumnChoices['ignore'] = new Set()): ColumnChoices['ignore'] {
  return new Set([...before, column.trim()]);
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
      await printLine(json ? JSON.stringify({ line, ...result }) : toText(line, result));
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

/** Imports a batch. Returns one result per row, in order; for a row that cannot be parsed it is `INVALID_INPUT`. */
async function resultsOf(
  userImport: UserImport,
  rows: readonly SourceRow[],
): Promise<(ImportOutcome & { line: number })[]> {
  const inputs: ImportedUser[] = [];
  const parsed = rows.map((row) => {
    const user = 'record' in row ? readUserRow(row.record) : row;
    if ('input' in user) inputs.push(user.input);
    return { line: row.line, user };
  });
  const outcomes = (await userImport.import(operator, inputs)).values();
  return parsed.map(({ line, user }) =>
    'input' in user
      ? { line, ...(outcomes.next().value as ImportOutcome) }
      : { line, outcome: 'INVALID_INPUT', fields: user.fields },
  );
}

function toText(line: number, result: ImportOutcome): string {
  const rest =
    'fields' in result
      ? result.fields.map(({ path, message }) => `${path} ${message}`).join('; ')
      : 'userId' in result
        ? result.userId
        : '';
  return `${line}  ${result.outcome}${rest && `  ${rest}`}`;
}
