import { addressParts } from '../../users/user.entity';
import { type CsvRecord, readCsvRecords } from './csv-records';
import { decodeUtf8, type SourceRow, unreadable } from './source-row';
import { importedFields } from './user-row';

type Header = readonly (readonly string[])[];

/**
 * Yields the rows of a CSV file whose first line names the columns: fields of a user, and `address.city` or `city` for
 * parts of the address. An empty cell leaves the field out.
 *
 * @throws Error when the first line is not a valid header
 */
export async function* readCsvRows(source: AsyncIterable<Buffer>): AsyncGenerator<SourceRow> {
  let header: Header | null = null;
  for await (const record of readCsvRecords(source)) {
    if (header === null) header = readHeader(record);
    else if (!isBlank(record)) yield toRow(header, record);
  }
}

function isBlank(record: CsvRecord): boolean {
  return 'cells' in record && record.cells.length === 1 && record.cells[0]?.length === 0;
}

/** @throws Error */
function readHeader(record: CsvRecord): Header {
  if ('problem' in record) throw new Error(`line 1 must name the columns, but ${record.problem}`);
  const names = record.cells.map((cell) => decodeUtf8(cell)?.trim() ?? '');
  const paths = names.map(pathOf);
  const unknown = names.filter((_, index) => paths[index] === null);
  if (unknown.length > 0)
    throw new Error(
      `line 1 has columns that cannot be imported: ${unknown.join(', ')}; valid columns, separated by commas: ${known}`,
    );
  const twice = names.filter((_, index) => paths.some((it, at) => at < index && same(it, paths[index])));
  if (twice.length > 0) throw new Error(`line 1 has duplicate columns: ${twice.join(', ')}`);
  return paths.filter((path) => path !== null);
}

const known = [...importedFields, ...addressParts.map((part) => `address.${part}`)].join(', ');

function pathOf(name: string): readonly string[] | null {
  if (importedFields.some((field) => field === name)) return [name];
  const part = addressParts.find((it) => name === it || name === `address.${it}`);
  return part ? ['address', part] : null;
}

function same(one: readonly string[] | null, other: readonly string[] | null | undefined): boolean {
  return one?.join('.') === other?.join('.');
}

function toRow(header: Header, record: CsvRecord): SourceRow {
  const { line } = record;
  if ('problem' in record) return unreadable(line, record.problem);
  if (record.cells.length !== header.length)
    return unreadable(line, `has ${record.cells.length} cells, but line 1 names ${header.length} columns`);
  const values = record.cells.map(decodeUtf8);
  if (values.includes(null)) return unreadable(line, 'is not UTF-8');
  const row: Record<string, unknown> = {};
  const address: Record<string, unknown> = {};
  for (const [index, [field = '', part]] of header.entries()) {
    const value = values[index] as string;
    if (value === '') continue;
    if (part === undefined) row[field] = value;
    else address[part] = value;
  }
  return { line, record: Object.keys(address).length > 0 ? { ...row, address } : row };
}
