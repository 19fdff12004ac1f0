import type { PersonalColumn, PersonalTable, Readers } from './personal-data';
import { personalDataMap } from './personal-data-map';
import { personalDataOfGraph, type ShownData } from './personal-data-of-graph';

/** A field of the graph, as the map of personal data has it. */
export interface ShownField {
  /** Those who may read all that it shows. */
  readonly readers: Readers;
  /** Whether it tells of a person what is not for everybody: such a field is tagged in the schema. */
  readonly isPersonal: boolean;
}

/** The fields of each type of the graph; under `*` those that any type may have. */
export type ShownFields = Readonly<Record<string, Readonly<Record<string, ShownField>>>>;

type Shown = Pick<PersonalColumn, 'dataClass' | 'readers'>;

/** From the widest circle to the narrowest. */
const circles: readonly Readers[] = ['anyone', 'self', 'staff', 'officers', 'auditors', 'service'];
const personalClasses: readonly string[] = ['contact', 'identity', 'behaviour'];

/**
 * What the map says of each field of the graph: its readers are those of the most guarded column that it shows.
 *
 * @throws Error for a field that shows a column that the map does not have, or that nobody may be shown
 */
export function shownFields(map: Readonly<Record<string, PersonalTable>> = personalDataMap): ShownFields {
  return mapValues(personalDataOfGraph, (fields, type) =>
    mapValues(fields, (data, field) => shownField(map, data, `${type}.${field}`)),
  );
}

function shownField(map: Readonly<Record<string, PersonalTable>>, data: ShownData, name: string): ShownField {
  const shown = dataOf(map, data, name);
  const narrowest = Math.max(...shown.map(({ readers }) => circles.indexOf(readers)));
  const readers = circles[narrowest];
  if (!readers || readers === 'service') throw new Error(`${name} shows what only the service may read`);
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
    if (!shown) throw new Error(`${name} shows ${path}, which the map of personal data does not have`);
    return shown;
  });
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
