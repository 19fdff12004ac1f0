import { type Column, type ColumnChoices, externalIdPrefix, readColumns } from './csv-columns';
import { type CsvRecord, readCsvRecords } from './csv-records';
import { detectSeparator } from './csv-separator';
import { EmptyFileError, type SourceRow, unreadable } from './source-row';
import { readAsUtf8 } from './utf8-source';

interface Header {
  readonly line: number;
  readonly columns: readonly Column[];
}

/**
 * Yields the rows of a CSV file whose first line names the columns. Its separator is a comma, a semicolon or a tab. An
 * empty cell leaves the field out; rows of empty cells are skipped.
 *
 * @throws Error when the file is empty or its first line is not a valid header
 */
export async function* readCsvRows(
  source: AsyncIterable<Buffer>,
  choices: ColumnChoices,
): AsyncGenerator<SourceRow> {
  const { separator, all } = await detectSeparator(readAsUtf8(source));
  let header: Header | null = null;
  for await (const record of readCsvRecords(all, separator)) {
    if (isBlank(record)) continue;
    if (header) yield toRow(header, record);
    else header = readHeader(record, choices);
  }
  if (header === null) throw new EmptyFileError();
}

function isBlank(record: CsvRecord): boolean {
  return 'cells' in record && record.cells.every((cell) => cell === '');
}

/** @throws Error */
function readHeader(record: CsvRecord, choices: ColumnChoices): Header {
  const { line } = record;
  if ('problem' in record) throw new Error(`line ${line} must name the columns, but ${record.problem}`);
  return { line, columns: readColumns(record.cells, choices) };
}

function toRow(header: Header, record: CsvRecord): SourceRow {
  const { line } = record;
  if ('problem' in record) return unreadable(line, record.problem);
  const { columns } = header;
  const { cells } = record;
  if (cells.length < columns.length)
    return unreadable(
      line,
      `has ${cells.length} cells, but line ${header.line} names ${columns.length} columns`,
    );
  const row: Record<string, unknown> = {};
  const address: Record<string, unknown> = {};
  const externalIds: Record<'system' | 'id', string>[] = [];
  for (const [at, cell] of cells.entries()) {
    const column = columns[at] ?? 'unnamed';
    if (cell === '' || column === 'ignored') continue;
    if (column === 'unnamed') return unreadable(line, `has a value in column ${at + 1}, which has no name`);
    const value = withoutTextMark(cell);
    if (column.startsWith('address.')) address[column.slice('address.'.length)] = value;
    else if (column.startsWith(externalIdPrefix))
      externalIds.push({ system: column.slice(externalIdPrefix.length), id: value });
    else row[column] = value;
  }
  if (Object.keys(address).length > 0) row['address'] = address;
  if (externalIds.length > 0) row['externalIds'] = externalIds;
  return { line, record: row };
}

/** Spreadsheets and shops write `'+44…`, so that a phone number is not read as a formula. */
function withoutTextMark(cell: string): string {
  return cell.startsWith("'+") ? cell.slice(1) : cell;
}
