import type { Actor } from '../../authentication/actor';
import { parseUserId } from '../../users/normalized';

/** What one request has read of other people, for the audit log. */
export class AuditedReads {
  /** Names of fields, by user id. */
  readonly fieldsByUser = new Map<string, Set<string>>();
  private readonly ownId: string | null;

  constructor(actor: Actor | null) {
    this.ownId = actor && parseUserId(actor.id);
  }

  /** Notes that a field of this user is read; one's own are nobody else's business. */
  add(userId: string, field: string): void {
    if (userId === this.ownId) return;
    const fields = this.fieldsByUser.get(userId);
    if (fields) fields.add(field);
    else this.fieldsByUser.set(userId, new Set([field]));
  }
}
