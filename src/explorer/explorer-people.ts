import { exampleUserId } from './explorer-examples';

/** A caller whose token the explorer gets by one click. */
export interface ExplorerPerson {
  readonly name: string;
  readonly sub: string;
  readonly scope: string;
}

/** The callers of the examples: the example user, and one employee for each scope. */
export const explorerPeople: readonly ExplorerPerson[] = [
  { name: 'Ada, a customer', sub: exampleUserId, scope: '' },
  { name: 'Staff', sub: 'staff', scope: 'users:read users:write' },
  { name: 'Privacy officer', sub: 'privacy-officer', scope: 'users:read users:privacy' },
  { name: 'Auditor', sub: 'auditor', scope: 'users:read users:audit' },
];
