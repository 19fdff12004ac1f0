import type { StoredUserStatus } from './user.entity';

/** What can be done to an account. */
export type StatusChange = 'activate' | 'deactivate' | 'reactivate';

/**
 * The one state machine of an account: from which state each change leads where.
 * A change that is missing for a state is not possible there; one that leads to the same state has no effect.
 */
const transitions: Record<StatusChange, Partial<Record<StoredUserStatus, StoredUserStatus>>> = {
  activate: { PENDING: 'ACTIVE', ACTIVE: 'ACTIVE' },
  deactivate: { ACTIVE: 'DEACTIVATED', DEACTIVATED: 'DEACTIVATED' },
  reactivate: { DEACTIVATED: 'ACTIVE', ACTIVE: 'ACTIVE' },
};

/** The state that a change leads to, or null when it is not possible from here. */
export function nextStatus(from: StoredUserStatus, change: StatusChange): StoredUserStatus | null {
  return transitions[change][from] ?? null;
}
