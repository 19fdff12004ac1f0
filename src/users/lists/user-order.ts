import { keysetTime } from '../../postgres/keyset';
import type { Bind } from './user-filter';

export const userOrderFields = ['CREATED_AT', 'UPDATED_AT', 'LAST_NAME'] as const;
export type UserOrderField = (typeof userOrderFields)[number];

/** The order of a list: by a field, then by id, both in this direction. */
export interface UserOrder {
  readonly field: UserOrderField;
  readonly direction: 'ASC' | 'DESC';
}

export const newestFirst: UserOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** A user's position in an ordered list: the value of the field as text, and the id. */
export interface UserPosition {
  readonly at: string;
  readonly id: string;
}

interface OrderColumn {
  /** The column or expression, as its index has it. */
  readonly sql: string;
  readonly type: 'timestamptz' | 'text';
  /** SQL for the value as text, without loss. */
  readonly text: string;
}

const lastName = 'search_form(last_name_normalized) COLLATE "C"';

const columns: Readonly<Record<UserOrderField, OrderColumn>> = {
  CREATED_AT: { sql: 'created_at', type: 'timestamptz', text: keysetTime('created_at') },
  UPDATED_AT: { sql: 'updated_at', type: 'timestamptz', text: keysetTime('updated_at') },
  LAST_NAME: { sql: lastName, type: 'text', text: lastName },
};

/** The SQL of a list in an order, read from either end. */
export class UserOrderSql {
  private readonly column: OrderColumn;
  private readonly direction: 'ASC' | 'DESC';

  constructor(
    { field, direction }: UserOrder,
    private readonly backward: boolean,
  ) {
    this.column = columns[field];
    const reversed = direction === 'ASC' ? 'DESC' : 'ASC';
    this.direction = backward ? reversed : direction;
  }

  /** The value of the field as text, for positions. */
  get position(): string {
    return this.column.text;
  }

  /** The ORDER BY list. */
  get orderBy(): string {
    return `${this.column.sql} ${this.direction}, id ${this.direction}`;
  }

  /** Returns the condition for users after this position in the order of the list. */
  after(position: UserPosition, bind: Bind): string {
    return this.beyond(position, this.backward, bind);
  }

  /** Returns the condition for users before this position in the order of the list. */
  before(position: UserPosition, bind: Bind): string {
    return this.beyond(position, !this.backward, bind);
  }

  private beyond({ at, id }: UserPosition, againstReading: boolean, bind: Bind): string {
    const ascending = (this.direction === 'ASC') !== againstReading;
    const { sql, type } = this.column;
    return `(${sql}, id) ${ascending ? '>' : '<'} (${bind(at)}::${type}, ${bind(id)}::uuid)`;
  }
}
