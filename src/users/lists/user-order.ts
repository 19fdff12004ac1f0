import { keysetTime } from '../../postgres/keyset';
import type { Bind } from './user-filter';

export const userOrderFields = ['CREATED_AT', 'UPDATED_AT', 'LAST_SEEN_AT', 'LAST_NAME'] as const;
export type UserOrderField = (typeof userOrderFields)[number];

/** The order of a list: by a field, then by id, both in this direction. Users without the value come last. */
export interface UserOrder {
  readonly field: UserOrderField;
  readonly direction: 'ASC' | 'DESC';
}

export const newestFirst: UserOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** The text for the value of users without it. */
export const noValue = '';

/** A user's position in an ordered list: the value of the field as text, and the id. */
export interface UserPosition {
  readonly at: string;
  readonly id: string;
}

/** The users of a list that one index has in the order of the list. */
interface OrderedUsers {
  /** The column or expression, as the index has it; null for users without the value, ordered by id. */
  readonly sql: string | null;
  readonly type: 'timestamptz' | 'text';
  /** SQL for the value as text, without loss. */
  readonly text: string;
  /** The column of the id, in the table of the index. */
  readonly id: string;
  /** Joins that table to `users`. */
  readonly join: string;
}

const inUsers = { id: 'users.id', join: '' };
const time = (column: string) => ({ sql: column, type: 'timestamptz', text: keysetTime(column) }) as const;
const lastName = 'search_form(last_name_normalized) COLLATE "C"';

/** The parts of a list, one after the other. */
const partsOf: Readonly<Record<UserOrderField, readonly OrderedUsers[]>> = {
  CREATED_AT: [{ ...time('created_at'), ...inUsers }],
  UPDATED_AT: [{ ...time('updated_at'), ...inUsers }],
  LAST_NAME: [{ sql: lastName, type: 'text', text: lastName, ...inUsers }],
  LAST_SEEN_AT: [
    {
      ...time('seen.last_seen_at'),
      id: 'seen.user_id',
      join: 'JOIN (SELECT user_id, last_seen_at FROM user_activity) AS seen ON seen.user_id = users.id',
    },
    {
      sql: null,
      type: 'timestamptz',
      text: `'${noValue}'`,
      id: 'unseen.user_id',
      join: 'JOIN unseen_users AS unseen ON unseen.user_id = users.id',
    },
  ],
};

/** SQL of one part of a list. */
export interface ListPart {
  readonly join: string;
  /** SQL for the text of positions. */
  readonly position: string;
  readonly conditions: readonly string[];
  readonly orderBy: string;
}

export interface ListRange {
  readonly after: UserPosition | null;
  readonly before: UserPosition | null;
}

/** Returns the parts of a list that a range may contain, from the end that is read first. */
export function listParts(
  { field, direction }: UserOrder,
  { after, before }: ListRange,
  { backward, bind }: { backward: boolean; bind: Bind },
): ListPart[] {
  const ascending = (direction === 'ASC') !== backward;
  const read = ascending ? 'ASC' : 'DESC';
  const parts = partsOf[field];
  const partOf = (position: UserPosition | null, otherwise: number) =>
    position === null ? otherwise : position.at === noValue ? parts.length - 1 : 0;
  const first = partOf(after, 0);
  const last = partOf(before, parts.length - 1);
  const beyond = (part: OrderedUsers, { at, id }: UserPosition, greater: boolean) => {
    const comparison = greater ? '>' : '<';
    if (part.sql === null) return `${part.id} ${comparison} ${bind(id)}::uuid`;
    return `(${part.sql}, ${part.id}) ${comparison} (${bind(at)}::${part.type}, ${bind(id)}::uuid)`;
  };
  const ordered = parts.flatMap((part, index): ListPart[] => {
    if (index < first || index > last) return [];
    const isGreater = direction === 'ASC';
    const conditions = [
      ...(after && index === first ? [beyond(part, after, isGreater)] : []),
      ...(before && index === last ? [beyond(part, before, !isGreater)] : []),
    ];
    const orderBy = [part.sql, part.id].filter((it) => it !== null).map((it) => `${it} ${read}`);
    return [{ join: part.join, position: part.text, conditions, orderBy: orderBy.join(', ') }];
  });
  return backward ? ordered.reverse() : ordered;
}
