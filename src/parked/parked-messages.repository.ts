import { findErased, recordErasedEvents } from '../erased/erased-users';
import { parkedMessageSource } from '../personal-data/personal-data-of-history';
import { type Backlog, readBacklog } from '../postgres/backlog';
import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { isInputAtFault } from '../postgres/failed-write';
import { newId } from '../postgres/new-id';
import { nextTurn } from '../scheduling/next-turn';
import { orderIdsIn, stringsOfMessage } from './ids-in-message';
import type { MessageToPark, ParkReason } from './message-to-park';
import { ParkedMessage } from './parked-message.entity';
import { type ParkedRow, toDigestRow, toParkedRow } from './parked-row';

/** Reading a larger body takes milliseconds: the event loop gets a turn after each. */
const largeBodyBytes = 16 * 1024;
/** With many more ids in one statement PostgreSQL would scan the whole table instead of the index. */
const idsPerLookup = 1_000;
/** Messages and bytes of bodies that one transaction parks at most. */
const largestGroup = { messages: 50, bytes: 512 * 1024 };

const columns = selectListOf(ParkedMessage);

/** A message with its row. */
interface Parking {
  readonly message: MessageToPark;
  readonly row: ParkedRow;
}

/** Reads and writes the table `parked_messages`. Counts each message that it parks once, after the commit. */
export class ParkedMessagesRepository {
  constructor(
    private readonly database: Database,
    private readonly metrics: { messagesParked: { inc(labels: { reason: ParkReason }): void } },
  ) {}

  /**
   * Parks each message once, however often it is delivered. Of messages that name an erased user it stores only the
   * identity, and of those that an erasure deleted nothing. Of a message whose row PostgreSQL rejects it stores a digest.
   */
  async park(messages: readonly MessageToPark[]): Promise<void> {
    for (const group of groupsOf(messages)) {
      const parkings: Parking[] = [];
      for (const message of group) {
        parkings.push({ message, row: toParkedRow(message) });
        if (message.message.body.length > largeBodyBytes) await nextTurn();
      }
      await this.store(parkings);
    }
  }

  /** Returns how many messages are parked, and the age of the oldest. */
  measure(): Promise<Backlog> {
    return readBacklog(this.database, { from: 'parked_messages', oldest: 'min(parked_at)' });
  }

  /** Parks a message by its digest, size and reason only. */
  async parkDigest(message: MessageToPark): Promise<void> {
    await this.database.transaction((tx) => this.insert(tx, [{ message, row: toDigestRow(message) }]));
  }

  /** As `park`, in the caller's transaction, for small messages that PostgreSQL is known to accept. */
  async parkIn(tx: Transaction, messages: readonly MessageToPark[]): Promise<void> {
    await this.insert(
      tx,
      messages.map((message) => ({ message, row: toParkedRow(message) })),
    );
  }

  private async store(parkings: readonly Parking[]): Promise<void> {
    try {
      await this.database.transaction((tx) => this.insert(tx, parkings));
    } catch (error) {
      if (!isInputAtFault(error)) throw error;
      const [only, ...others] = parkings;
      if (only && others.length === 0) return this.parkDigest(only.message);
      for (const parking of parkings) await this.store([parking]);
    }
  }

  private async insert(tx: Transaction, parkings: readonly Parking[]): Promise<void> {
    const parked: ParkedRow[] = [];
    const rows = (await this.withoutErased(tx, parkings))
      .map(({ row }) => row)
      .sort((one, other) => (one.fingerprint < other.fingerprint ? -1 : 1));
    for (const row of rows) {
      const inserted: unknown[] = await tx.manager.query(
        `INSERT INTO parked_messages (id, fingerprint, reason, detail, type, source, event_id, user_id, named_user_ids,
           named_order_ids, named_contacts, exchange, routing_key, content_type, headers, body, body_bytes, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (fingerprint) DO NOTHING RETURNING 1`,
        [
          newId(),
          row.fingerprint,
          row.reason,
          row.detail,
          row.type,
          row.source,
          row.eventId,
          row.userId,
          row.namedUserIds,
          row.namedOrderIds,
          row.namedContacts,
          row.exchange,
          row.routingKey,
          row.contentType,
          row.headers,
          row.body,
          row.bodyBytes,
          row.attempts,
        ],
      );
      if (inserted.length > 0) parked.push(row);
    }
    const removed = await this.removeErased(tx, rows);
    for (const { fingerprint, reason } of parked)
      if (!removed.has(fingerprint)) tx.afterCommit(() => this.metrics.messagesParked.inc({ reason }));
  }

  /** Returns the fingerprints of deleted rows. Runs after the insert, which waits for an erasure of the same message. */
  private async removeErased(tx: Transaction, rows: readonly ParkedRow[]): Promise<Set<string>> {
    if (rows.length === 0) return new Set();
    const [removed]: [{ fingerprint: string }[]] = await tx.manager.query(
      `DELETE FROM parked_messages WHERE fingerprint = ANY($1::text[]) AND EXISTS
         (SELECT FROM erased_events AS gone WHERE gone.source = $2 AND gone.event_id = parked_messages.fingerprint)
       RETURNING fingerprint`,
      [rows.map(({ fingerprint }) => fingerprint), parkedMessageSource],
    );
    return new Set(removed.map(({ fingerprint }) => fingerprint));
  }

  /** Returns the messages that name no erased user and no order of one. Of the others it stores only the identity. */
  private async withoutErased(tx: Transaction, parkings: readonly Parking[]): Promise<readonly Parking[]> {
    const owners = await findOwners(
      tx,
      parkings.flatMap(({ row }) => row.namedOrderIds),
    );
    const usersOf = ({ row }: Parking) => [
      ...row.namedUserIds,
      ...row.namedOrderIds.flatMap((id) => owners.get(id) ?? []),
    ];
    const userIds = [...new Set(parkings.flatMap(usersOf))];
    if (userIds.length === 0) return parkings;
    // Locks the users: an erasure in progress has committed after this, or it finds what is parked here.
    await tx.manager.query('SELECT id FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE', [
      userIds,
    ]);
    const erased = await findErased(tx, userIds);
    const isErased = (parking: Parking) => usersOf(parking).some((id) => erased.has(id));
    await recordErasedEvents(
      tx,
      parkings
        .filter(isErased)
        .flatMap(({ message: { source, eventId } }) => (source && eventId ? [{ source, eventId }] : [])),
    );
    return parkings.filter((it) => !isErased(it));
  }

  /** Returns at most `limit` messages after `afterId`, oldest first. */
  async list(afterId: string, limit: number): Promise<ParkedMessage[]> {
    return this.database.query<ParkedMessage>(
      `SELECT ${columns} FROM parked_messages WHERE id > $1::uuid ORDER BY id LIMIT $2`,
      [afterId, limit],
    );
  }

  async find(id: string): Promise<ParkedMessage | null> {
    const [row] = await this.database.query<ParkedMessage>(
      `SELECT ${columns} FROM parked_messages WHERE id::text = $1`,
      [id.toLowerCase()],
    );
    return row ?? null;
  }

  /**
   * Returns the ids of users that these messages may concern: all user ids in them, and the users of orders they name.
   * Contains every user whose erasure would delete one of them. It may also contain other users and unknown ids.
   */
  async findUsersNamed(messages: readonly ParkedMessage[]): Promise<Set<string>> {
    const texts = new Set(
      messages.flatMap(({ headers, body }) => [
        ...stringsOfMessage({ headers: JSON.stringify(headers), body }),
      ]),
    );
    const users = new Set(
      messages.flatMap(({ userId, namedUserIds }) => [userId ?? [], namedUserIds].flat()),
    );
    for (const orderIds of inGroups(orderIdsIn(texts), idsPerLookup)) {
      const rows = await this.database.query<{ userId: string }>(
        'SELECT DISTINCT user_id AS "userId" FROM user_orders WHERE order_id = ANY ($1::text[])',
        [orderIds],
      );
      for (const { userId } of rows) users.add(userId);
    }
    return users;
  }

  /** Returns false if there is no such message. */
  async remove(tx: Transaction, id: string): Promise<boolean> {
    const [, removed]: [unknown, number] = await tx.manager.query(
      'DELETE FROM parked_messages WHERE id = $1',
      [id],
    );
    return removed > 0;
  }
}

/** Yields groups in the order of the messages, each with one message at least. */
function* groupsOf(messages: readonly MessageToPark[]): Generator<MessageToPark[]> {
  let group: MessageToPark[] = [];
  let bytes = 0;
  for (const it of messages) {
    const isFull =
      group.length === largestGroup.messages || bytes + it.message.body.length > largestGroup.bytes;
    if (isFull && group.length > 0) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(it);
    bytes += it.message.body.length;
  }
  if (group.length > 0) yield group;
}

/** Returns the user id of each known order, including erased users. */
async function findOwners(tx: Transaction, orderIds: readonly string[]): Promise<Map<string, string>> {
  const rows: { orderId: string; userId: string }[] = await tx.manager.query(
    'SELECT order_id AS "orderId", user_id AS "userId" FROM user_orders WHERE order_id = ANY ($1::text[])',
    [orderIds],
  );
  return new Map(rows.map(({ orderId, userId }) => [orderId, userId]));
}

/** Yields groups of `size` distinct ids. An id may repeat in a later group. */
function* inGroups(ids: Iterable<string>, size: number): Generator<string[]> {
  const group = new Set<string>();
  for (const id of ids) {
    group.add(id);
    if (group.size < size) continue;
    yield [...group];
    group.clear();
  }
  if (group.size > 0) yield [...group];
}
