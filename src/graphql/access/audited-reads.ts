import type { Actor } from '../../authentication/actor';
import { parseUserId } from '../../users/normalized';

/** Collects the fields of other users that one request reads, for the audit log. */
export class AuditedReads {
  /** Names of the fields read, by user id. Users can share a set. */
  readonly fieldsByUser = new Map<string, ReadonlySet<string>>();
  /** Sets that one user has alone. */
  private unshared: Set<ReadonlySet<string>> | undefined;
  private readonly ownId: string | null;

  constructor(actor: Actor | null) {
    this.ownId = actor && parseUserId(actor.id);
  }

  /** Adds a field of a user. Ignores the actor's own fields, whose reads are not audited. */
  add(userId: string, field: string): void {
    this.addAll(userId, new Set([field]));
  }

  /** Adds fields of a user like `add`. Does not change the set, which may be that of other users as well. */
  addAll(userId: string, fields: ReadonlySet<string>): void {
    if (userId === this.ownId) return;
    const known = this.fieldsByUser.get(userId);
    if (known === fields) return;
    if (!known) {
      this.fieldsByUser.set(userId, fields);
      return;
    }
    this.unshared ??= new Set();
    const own = this.unshared.has(known) ? (known as Set<string>) : new Set(known);
    for (const field of fields) own.add(field);
    this.unshared.add(own);
    this.fieldsByUser.set(userId, own);
  }
}
