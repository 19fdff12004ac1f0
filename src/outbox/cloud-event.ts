import type { OutgoingMessage } from '../rabbitmq/broker';
import type { PendingEvent } from './pending-events.repository';

/** Every event this service publishes, and its routing key, whose first word says which exchange it goes to. */
export const routingKeys: Readonly<Record<string, string>> = {
  UserCreated: 'user.created',
  UserDeactivated: 'user.deactivated',
  UserUpdated: 'user.updated',
  UserReactivated: 'user.reactivated',
  UserEmailPreferencesUpdated: 'user.email-preferences-updated',
  UserEmailVerified: 'user.email-verified',
  UserEmailVerificationRequested: 'user.email-verification-requested',
  UserErased: 'user.erased',
  UserDataAccessed: 'audit.user.accessed',
  UserDataChanged: 'audit.user.changed',
  AuditSealed: 'audit.sealed',
};

/** The user id of an event that is about no user. */
export const noUser = '00000000-0000-0000-0000-000000000000';

/** Whether an event is for auditors, and not one of the user's own. */
export function isAuditEvent(type: string): boolean {
  return routingKeys[type]?.startsWith('audit.') ?? false;
}

/** A CloudEvent 1.0 in structured JSON, as it leaves. Source: contract, sections 3 and 5. */
export function toMessage(event: PendingEvent): OutgoingMessage {
  const routingKey = routingKeys[event.type];
  if (!routingKey) throw new Error(`there is no routing key for ${event.type}`);
  const envelope = {
    specversion: '1.0',
    id: event.id,
    ...(event.userId === noUser
      ? { source: '/user-service/audit' }
      : { source: `/user-service/users/${event.userId}`, subject: event.userId }),
    type: event.type,
    time: event.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    dataschema: `/schemas/${event.type}/1.0.0.json`,
    ...(event.version === null ? {} : { sequence: String(event.version).padStart(20, '0') }),
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
    data: event.data,
  };
  return {
    exchange: `${routingKey.split('.')[0]}.events`,
    routingKey,
    messageId: event.id,
    type: event.type,
    contentType: 'application/cloudevents+json',
    body: Buffer.from(JSON.stringify(envelope)),
  };
}
