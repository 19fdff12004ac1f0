import type { PersonalColumn, PersonalTable, Readers } from './personal-data';
import { personalDataMap } from './personal-data-map';
import { personalDataOfGraph, type ShownData } from './personal-data-of-graph';

/** What the map of personal data says about a graph field. */
export interface ShownField {
  /** Who may read everything that it shows. */
  readonly readers: Readers;
  /** True if it shows personal data that is not public. Such a field is tagged in the schema. */
  readonly isPersonal: boolean;
}

/** The fields of each graph type; under `*` those that any type may have. */
export type ShownFields = Readonly<Record<string, Readonly<Record<string, ShownField>>>>;

type Shown = Pick<PersonalColumn, 'dataClass' | 'readers'>;

/** From the widest audience to the narrowest. */
const audiences: readonly Readers[] = ['anyone', 'self', 'staff', 'officers', 'auditors', 'service'];
const personalClasses: readonly string[] = ['contact', 'identity', 'behaviour'];

/**
 * Returns what the map says about each graph field. Its readers are those of its most restricted column.
 *
 * @throws Error for a field that shows a column which the map lacks, or which only the service may read
 */
export function shownFields(map: Readonly<Record<string, PersonalTable>> = personalDataMap): ShownFields {
  return mapValues(personalDataOfGraph, (fields, type) =>
    mapValues(fields, (data, field) => shownField(map, data, `${type}.${field}`)),
  );
}

function shownField(map: Readonly<Record<string, PersonalTable>>, data: ShownData, name: string): ShownField {
  const shown = dataOf(map, data, name);
  const narrowest = Math.max(...shown.map(({ readers }) => audiences.indexOf(readers)));
  const readers = audiences[narrowest];
  if (!readers || readers === 'service')
    throw new Error(`Field ${name} shows data that only the service may read`);
  const isPersonal = readers !== 'anyone' && shown.some((it) => personalClasses.includes(it.dataClass));
  return { readers, isPersonal };
}

function dataOf(
  map: Readonly<Record<string, PersonalTable>>,
  data: ShownData,
  name: string,
): readonly Shown[] {
  if ('dataClass' in data) return [data];
  if ('type' in data)
    return Object.values(personalDataOfGraph[data.type] ?? {}).flatMap((inner) => dataOf(map, inner, name));
  return data.map((path) => {
    const [table = '', column = ''] = path.split('.');
    const shown = map[table]?.columns[column];
    if (!shown) throw new Error(`Field ${name} shows ${path}, which is not in the map of personal data`);
    return shown;
  });
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
