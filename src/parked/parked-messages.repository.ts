import { v7 as uuidv7 } from 'uuid';
import { findErased, recordErasedEvents } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { declaredOrderIds, orderIdsIn, stringsOfMessage, userIdsIn } from './ids-in-message';
import type { MessageToPark } from './message-to-park';
import { ParkedMessage } from './parked-message.entity';
import { storable, storableJson } from './storable-text';
import { fingerprintOf } from './wire-message';

/** Longer bodies are truncated. The intake's own limit is far below; this one only bounds a row. */
const storedBodyBytes = 2 * 1024 * 1024;

/** With many more ids in one statement PostgreSQL would scan the whole table instead of the index. */
const idsPerLookup = 1_000;

const columns = selectListOf(ParkedMessage);

/** A message with the user ids and order ids in it. */
type MessageWithIds = MessageToPark & Pick<ParkedMessage, 'namedUserIds' | 'namedOrderIds'>;

/** Reads and writes the table `parked_messages`. */
export class ParkedMessagesRepository {
  constructor(private readonly database: Database) {}

  /**
   * Parks each message once, however often it is delivered. Returns how many were new. Of messages that name an
   * erased user it stores only the identity.
   */
  async park(messages: readonly MessageToPark[]): Promise<number> {
    if (messages.length === 0) return 0;
    return this.database.transaction((tx) => this.parkIn(tx, messages));
  }

  /** As `park`, in the caller's transaction. */
  async parkIn(tx: Transaction, messages: readonly MessageToPark[]): Promise<number> {
    let parked = 0;
    const ordered = (await this.withoutErased(tx, messages.map(withIds)))
      .map((it) => ({ ...it, fingerprint: fingerprintOf(it.message) }))
      .sort((one, other) => (one.fingerprint < other.fingerprint ? -1 : 1));
    for (const it of ordered) {
      const { exchange, routingKey, body, properties } = it.message;
      const { messageId, type, contentType, timestamp, headers } = properties;
      const rows: unknown[] = await tx.manager.query(
        `INSERT INTO parked_messages (id, fingerprint, reason, detail, type, source, event_id, user_id, named_user_ids,
           named_order_ids, exchange, routing_key, content_type, headers, body, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (fingerprint) DO NOTHING RETURNING 1`,
        [
          uuidv7(),
          it.fingerprint,
          it.reason,
          it.detail,
          storable(it.type),
          storable(it.source),
          storable(it.eventId),
          it.userId ?? null,
          it.namedUserIds,
          it.namedOrderIds,
          storable(exchange),
          storable(routingKey),
          storable(contentType),
          storableJson({ messageId, type, timestamp, headers }),
          body.subarray(0, storedBodyBytes),
          it.attempts,
        ],
      );
      parked += rows.length;
    }
    return parked;
  }

  /** Returns the messages that name no erased user and no order of one. Of the others it stores only the identity. */
  private async withoutErased(
    tx: Transaction,
    messages: readonly MessageWithIds[],
  ): Promise<readonly MessageWithIds[]> {
    const owners = await findOwners(
      tx,
      messages.flatMap(({ namedOrderIds }) => namedOrderIds),
    );
    const usersOf = ({ namedUserIds, namedOrderIds }: MessageWithIds) => [
      ...namedUserIds,
      ...namedOrderIds.flatMap((id) => owners.get(id) ?? []),
    ];
    const userIds = [...new Set(messages.flatMap(usersOf))];
    if (userIds.length === 0) return messages;
    // Locks the users: an erasure in progress has committed after this, or it finds what is parked here.
    await tx.manager.query('SELECT id FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE', [
      userIds,
    ]);
    const erased = await findErased(tx, userIds);
    const isErased = (message: MessageWithIds) => usersOf(message).some((id) => erased.has(id));
    await recordErasedEvents(
      tx,
      messages
        .filter(isErased)
        .flatMap(({ source, eventId }) => (source && eventId ? [{ source, eventId }] : [])),
    );
    return messages.filter((it) => !isErased(it));
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
    const texts = new Set(messages.flatMap((message) => [...stringsOfMessage(message)]));
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

  async remove(tx: Transaction, id: string): Promise<void> {
    await tx.manager.query('DELETE FROM parked_messages WHERE id = $1', [id]);
  }
}

function withIds(it: MessageToPark): MessageWithIds {
  const { body, properties } = it.message;
  const { messageId, type, timestamp, headers } = properties;
  const userIds = userIdsIn(stringsOfMessage({ headers: { messageId, type, timestamp, headers }, body }));
  if (it.userId !== undefined) userIds.add(it.userId);
  const namedOrderIds = declaredOrderIds(body.toString()).flatMap((id) => storable(id) ?? []);
  return { ...it, namedUserIds: [...userIds], namedOrderIds };
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
