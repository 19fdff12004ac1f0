import type { Actor } from '../authentication/actor';
import type { AuditedAccess } from './audit-access';

/** The most users of one entry about repeated reads. */
const usersPerEntry = 1_000;
/** The most users remembered in a window, counted for each actor and each set of fields. Other reads are not merged. */
const maxRemembered = 100_000;

/** Names of fields by user id. */
type FieldsByUser = AuditedAccess['fieldsByUser'];

/** Users, and an actor who read the same fields of all of them in this window. */
interface Recorded {
  readonly actor: Actor;
  readonly fields: ReadonlySet<string>;
  /** How often each user was read again. */
  readonly repeatsByUser: Map<string, number>;
  lastRepeatAt: Date | null;
}

/**
 * Remembers the reads of each actor since the window began, to merge repeated reads into one entry. Add a read only
 * once its entry is committed.
 */
export class ReadWindow {
  private readonly recorded = new Map<string, Recorded>();
  private remembered = 0;
  /** Sets of fields are shared by many reads. */
  private readonly keys = new WeakMap<ReadonlySet<string>, string>();

  /** Counts the users of a read whose same fields were added before. Returns the others. */
  countRepeated(actor: Actor, fieldsByUser: FieldsByUser, at: Date): FieldsByUser {
    const others = new Map<string, ReadonlySet<string>>();
    for (const [userId, fields] of fieldsByUser) {
      const known = this.recorded.get(this.keyOf(actor, fields));
      const repeats = known?.repeatsByUser.get(userId);
      if (!known || repeats === undefined) others.set(userId, fields);
      else {
        known.repeatsByUser.set(userId, repeats + 1);
        known.lastRepeatAt = at;
      }
    }
    return others;
  }

  /** Adds a read whose entry is committed. */
  add(actor: Actor, fieldsByUser: FieldsByUser): void {
    for (const [userId, fields] of fieldsByUser) {
      if (this.remembered >= maxRemembered) return;
      const key = this.keyOf(actor, fields);
      let known = this.recorded.get(key);
      if (!known) {
        known = { actor, fields, repeatsByUser: new Map(), lastRepeatAt: null };
        this.recorded.set(key, known);
      }
      if (known.repeatsByUser.has(userId)) continue;
      known.repeatsByUser.set(userId, 0);
      this.remembered += 1;
    }
  }

  /** Begins the next window. Returns the repeated reads of this one, to be recorded with their counts. */
  next(): AuditedAccess[] {
    const repeated = [...this.recorded.values()].flatMap(repeatedReads);
    this.recorded.clear();
    this.remembered = 0;
    return repeated;
  }

  private keyOf(actor: Actor, fields: ReadonlySet<string>): string {
    let key = this.keys.get(fields);
    if (key === undefined) {
      key = [...fields].sort().join();
      this.keys.set(fields, key);
    }
    return `${key} ${actor.id}`;
  }
}

function repeatedReads({ actor, fields, repeatsByUser, lastRepeatAt: at }: Recorded): AuditedAccess[] {
  if (!at) return [];
  const repeated = [...repeatsByUser].filter(([, count]) => count > 0);
  const accesses: AuditedAccess[] = [];
  for (let from = 0; from < repeated.length; from += usersPerEntry) {
    const counts = new Map(repeated.slice(from, from + usersPerEntry));
    accesses.push({
      origin: { actor, traceparent: null },
      action: 'USER_READ',
      fieldsByUser: new Map([...counts.keys()].map((userId) => [userId, fields])),
      counts,
      reason: null,
      at,
    });
  }
  return accesses;
}
