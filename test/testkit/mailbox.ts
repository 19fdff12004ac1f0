import type { TestApp } from './app';
import { eventually } from './eventually';
import { startWitness } from './witness';

/** A stand-in for the NotificationService. Tokens and codes are only in messages: the outbox drops them. */
export interface Mailbox {
  /** The data of the last message of this type about the user; waits until it is published. */
  last(userId: string, type?: string): Promise<any>;
  close(): Promise<void>;
}

/** Collects the messages of an app from now on. */
export async function openMailbox(app: TestApp): Promise<Mailbox> {
  const witness = await startWitness(`${app.amqpPrefix}user.events`);
  return {
    async last(userId, type = 'UserEmailVerificationRequested') {
      const [row] = await app.sql<{ id: string }>(
        'SELECT id FROM outbox_events WHERE user_id = $1 AND type = $2 ORDER BY position DESC LIMIT 1',
        [userId, type],
      );
      if (!row) throw new Error(`no ${type} was requested for ${userId}`);
      return eventually(() => {
        const message = witness.events.find(({ messageId }) => messageId === row.id);
        if (!message) throw new Error(`${type} of ${userId} was not published`);
        return message.event.data;
      });
    },
    close: () => witness.close(),
  };
}
