import type { PersonalTable } from './personal-data';
import { personalDataOfHistory } from './personal-data-of-history';
import { personalDataOfRecords } from './personal-data-of-records';
import { personalDataOfUsers } from './personal-data-of-users';

/**
 * Every column of every table: its class, purpose and readers, and what export, erasure and retention do with it.
 * Export, erasure and retention follow this map. A test fails for a column that it lacks.
 */
export const personalDataMap: Readonly<Record<string, PersonalTable>> = {
  ...personalDataOfHistory,
  ...personalDataOfRecords,
  // Last, because erasure deletes in this order and other tables refer to `users`.
  ...personalDataOfUsers,
};
