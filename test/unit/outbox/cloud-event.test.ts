import { isAuditEvent, noUser, routingKeys, toMessage } from '../../../src/outbox/cloud-event';
import type { PendingEvent } from '../../../src/outbox/pending-events.repository';

const userId = '01975a5e-1111-7000-8000-0000000000ad';
const event: PendingEvent = {
  id: '01975a5e-2222-7000-8000-0000000000ad',
  lane: 0,
  userId,
  version: 7,
  type: 'UserUpdated',
  data: { userId, changedFields: ['locale'] },
  occurredAt: new Date('2026-03-01T10:00:00Z'),
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

const envelopeOf = (it: PendingEvent) => JSON.parse(toMessage(it).body.toString()) as Record<string, unknown>;

describe('toMessage', () => {
  it('returns a structured CloudEvent for the exchange of its type', () => {
    const { body, ...message } = toMessage(event);
    expect(message).toEqual({
      exchange: 'user.events',
      routingKey: 'user.updated',
      messageId: event.id,
      type: 'UserUpdated',
      contentType: 'application/cloudevents+json',
    });
    expect(JSON.parse(body.toString())).toEqual({
      specversion: '1.0',
      id: event.id,
      source: `/user-service/users/${userId}`,
      subject: userId,
      type: 'UserUpdated',
      time: '2026-03-01T10:00:00.000Z',
      datacontenttype: 'application/json',
      dataschema: '/schemas/UserUpdated/1.0.0.json',
      sequence: '00000000000000000007',
      traceparent: event.traceparent,
      data: event.data,
    });
  });

  it('leaves out sequence and traceparent that the event does not have', () => {
    const envelope = envelopeOf({ ...event, version: null, traceparent: null });
    expect(Object.keys(envelope)).not.toContain('sequence');
    expect(Object.keys(envelope)).not.toContain('traceparent');
  });

  it('leaves out the subject of an event about no user', () => {
    const seal = { ...event, type: 'AuditSealed', userId: noUser };
    expect(toMessage(seal)).toMatchObject({ exchange: 'audit.events', routingKey: 'audit.sealed' });
    expect(envelopeOf(seal)).toMatchObject({ source: '/user-service/audit' });
    expect(Object.keys(envelopeOf(seal))).not.toContain('subject');
  });

  it('names version 2.0.0 of the schema of UserDataAccessed', () => {
    const access = { ...event, type: 'UserDataAccessed', userId: noUser };
    expect(toMessage(access)).toMatchObject({ exchange: 'audit.events', routingKey: 'audit.users.accessed' });
    expect(envelopeOf(access)).toMatchObject({ dataschema: '/schemas/UserDataAccessed/2.0.0.json' });
  });

  it('throws for a type without a routing key', () => {
    expect(() => toMessage({ ...event, type: 'UserPainted' })).toThrow(
      'Event type UserPainted has no routing key',
    );
  });
});

describe('isAuditEvent', () => {
  it('returns true for the events of the AuditService only', () => {
    expect(Object.keys(routingKeys).filter(isAuditEvent)).toEqual([
      'UserDataAccessed',
      'UserDataChanged',
      'AuditSealed',
    ]);
    expect(isAuditEvent('UserPainted')).toBe(false);
  });
});
