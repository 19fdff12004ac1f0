import type { PersonalTable } from './personal-data';
import { personalDataOfHistory } from './personal-data-of-history';
import { personalDataOfRecords } from './personal-data-of-records';
import { personalDataOfUsers } from './personal-data-of-users';

/**
 * Every column of every table: what it tells of a person, why it is there, who may read it, what export, erasure and
 * time do with it. Export and erasure follow it; a column that is not in it fails a test.
 */
export const personalDataMap: Readonly<Record<string, PersonalTable>> = {
  ...personalDataOfHistory,
  ...personalDataOfRecords,
  // Last, as others refer to `users`; in this order they are erased.
  ...personalDataOfUsers,
};
