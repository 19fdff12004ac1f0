import type { Actor } from '../../authentication/actor';
import { parseUserId } from '../../users/normalized';

/** Collects the fields of other users that one request reads, for the audit log. */
export class AuditedReads {
  /** Names of the fields read, by user id. */
  readonly fieldsByUser = new Map<string, Set<string>>();
  private readonly ownId: string | null;

  constructor(actor: Actor | null) {
    this.ownId = actor && parseUserId(actor.id);
  }

  /** Adds a field of a user. Ignores the actor's own fields, whose reads are not audited. */
  add(userId: string, field: string): void {
    if (userId === this.ownId) return;
    const fields = this.fieldsByUser.get(userId);
    if (fields) fields.add(field);
    else this.fieldsByUser.set(userId, new Set([field]));
  }
}
