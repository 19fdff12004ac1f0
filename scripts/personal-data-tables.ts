import { keptMessages, type PersonalColumn, type PersonalTable } from '../src/personal-data/personal-data';
import { personalDataMap } from '../src/personal-data/personal-data-map';
import { personalDataOfEvents } from '../src/personal-data/personal-data-of-events';
import { personalDataOfGraph } from '../src/personal-data/personal-data-of-graph';

/** A Markdown table between two empty lines. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return ['', line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line), '', ''].join('\n');
}

/** Every column of every table with its class, readers, purpose and expiry. */
export function personalDataTable(): string {
  const rows = Object.entries(personalDataMap).flatMap(([name, { columns }]) => {
    return [
      [`**\`${name}\`**`, '', '', describeTable(name), '', ''],
      ...Object.entries(columns).map(([column, it]) => [
        `\`${column}\``,
        it.dataClass,
        it.readers,
        it.purpose,
        it.exportedAs === undefined ? '' : `\`${it.exportedAs}\``,
        fieldsThatShow(`${name}.${column}`).join(' '),
      ]),
    ];
  });
  return table(['column', 'class', 'readers', 'purpose', 'exported as', 'in the graph'], rows);
}

/** Returns what happens to a table's records when the user is erased, unless `keptFor` is set, and when they expire. */
export function describeTable(name: string, keptFor?: string): string {
  const table = personalDataMap[name];
  if (!table) throw new Error(`the map of personal data has no ${name}`);
  const { retention } = table;
  const erasure = keptFor === undefined ? table.erasure : { kept: keptFor };
  const erased = typeof erasure === 'string' ? `erased ${erasure}` : `kept: ${erasure.kept}`;
  return `${erased}; else ${describeRetention(retention)}`;
}

function describeRetention(retention: PersonalTable['retention']): string {
  if ('stays' in retention) return `stays ${retention.stays}`;
  const lines = retention.map(({ which, since, days, action }) => {
    const time = typeof days === 'number' ? (days === 1 ? 'a day' : `${days} days`) : `\`${days}\``;
    return `${action} ${time} after \`${since}\`${which === undefined ? '' : `, where \`${which}\``}`;
  });
  return lines.join('; ');
}

function fieldsThatShow(path: string): string[] {
  return Object.entries(personalDataOfGraph).flatMap(([type, fields]) =>
    Object.entries(fields).flatMap(([field, shown]) =>
      Array.isArray(shown) && shown.includes(path) ? [`\`${type}.${field}\``] : [],
    ),
  );
}

/** Every field of every message, with the columns that store it. */
export function payloadsTable(): string {
  const rows = Object.entries(personalDataOfEvents).flatMap(([type, message]) => {
    const { exchange, storedIn, fields } = message;
    const until = 'isDeletedOncePublished' in message ? 'until it is published' : null;
    const stores = storedIn
      .map((name) => `\`${name}\` (${until ?? describeTable(name, keptMessages[type])})`)
      .join(' and ');
    return [
      [`**\`${type}\`** of \`${exchange}\``, '', '', `stored in ${stores}`, '', ''],
      ...Object.entries(fields).map(([field, { dataClass, purpose, columns }]) => {
        const kept = columns.map((column) => columnOf(column));
        return [
          `\`${field}\``,
          dataClass,
          [...new Set(kept.map(({ readers }) => readers))].join(', '),
          purpose,
          kept.flatMap(({ exportedAs }) => (exportedAs === undefined ? [] : `\`${exportedAs}\``)).join(' '),
          columns.map((column) => `\`${column}\``).join(' '),
        ];
      }),
    ];
  });
  return table(['field', 'class', 'readers here', 'purpose', 'exported as', 'also in'], rows);
}

function columnOf(path: string): PersonalColumn {
  const [table = '', name = ''] = path.split('.');
  const column = personalDataMap[table]?.columns[name];
  if (!column) throw new Error(`the map of personal data has no ${path}`);
  return column;
}
