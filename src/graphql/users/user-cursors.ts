import { type CursorFormat, isTime } from '../../subgraph/connection';
import { newestFirst, noValue, type UserOrder } from '../../users/lists/user-order';
import { unstorable } from '../../users/normalized';

/** The longest form of a last name: 50 code points, each at most 18 after NFKC. */
const maxNameUnits = 2_000;

const isValueOf: Readonly<Record<UserOrder['field'], CursorFormat['isValue']>> = {
  CREATED_AT: isTime,
  UPDATED_AT: isTime,
  LAST_SEEN_AT: (at) => at === noValue || isTime(at),
  LAST_NAME: (at) => at.length <= maxNameUnits && !at.includes(unstorable),
};

/** Returns the format of the cursors of a list in this order. Those of the default order are as in version 1.0. */
export function cursorsOf({ field, direction }: UserOrder): CursorFormat {
  const isDefault = field === newestFirst.field && direction === newestFirst.direction;
  return {
    prefix: isDefault ? '' : `${field} ${direction} `,
    isValue: isValueOf[field],
  };
}
