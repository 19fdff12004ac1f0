import type { Actor } from '../authentication/actor';
import type { AuditedAccess } from './audit-access';

/** The most users of one entry about repeated reads. */
const usersPerEntry = 1_000;
/**
 * The most reads that a window remembers, in total. A read is one user, one actor and one set of fields. Further reads
 * are not merged.
 */
const maxRemembered = 100_000;

/** Names of fields by user id. */
type FieldsByUser = AuditedAccess['fieldsByUser'];

/** An actor, and the users whose fields the actor read in this window. The fields are the same for all of them. */
interface Recorded {
  readonly actor: Actor;
  readonly fields: ReadonlySet<string>;
  /** How often each user was read again. */
  readonly repeatsByUser: Map<string, number>;
  lastRepeatAt: Date | null;
}

/**
 * Remembers the reads of each actor since the window began, to merge repeated reads into one entry. Call `add` after
 * the commit of the entry. Otherwise a repeat could be counted although the first read has no entry.
 */
export class ReadWindow {
  private readonly recorded = new Map<string, Recorded>();
  private remembered = 0;
  /** Cached text of each set. Many reads share one set object. */
  private readonly textByFields = new WeakMap<ReadonlySet<string>, string>();

  /** Adds a repeat for each user that the window has with this actor and these fields. Returns the other users. */
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

  /** Remembers a read whose entry is committed. */
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

  /** Ends the window. Returns its repeated reads with their counts. The next window begins. */
  end(): AuditedAccess[] {
    const repeated = [...this.recorded.values()].flatMap(repeatedReads);
    this.recorded.clear();
    this.remembered = 0;
    return repeated;
  }

  private keyOf(actor: Actor, fields: ReadonlySet<string>): string {
    let text = this.textByFields.get(fields);
    if (text === undefined) {
      text = [...fields].sort().join();
      this.textByFields.set(fields, text);
    }
    return `${text} ${actor.id}`;
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
