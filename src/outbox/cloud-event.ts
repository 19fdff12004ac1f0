import type { OutgoingMessage } from '../rabbitmq/broker';
import type { PendingEvent } from './pending-events.repository';

/** The routing key of each published event type. Its first word names the exchange: `user.events` or `audit.events`. */
export const routingKeys: Readonly<Record<string, string>> = {
  UserCreated: 'user.created',
  UserDeactivated: 'user.deactivated',
  UserUpdated: 'user.updated',
  UserReactivated: 'user.reactivated',
  UserEmailPreferencesUpdated: 'user.email-preferences-updated',
  UserEmailVerified: 'user.email-verified',
  UserEmailVerificationRequested: 'user.email-verification-requested',
  UserPhoneVerificationRequested: 'user.phone-verification-requested',
  UserPhoneVerified: 'user.phone-verified',
  UserInactivityWarned: 'user.inactivity-warned',
  UserErasureScheduled: 'user.erasure-scheduled',
  UserErasureCancelled: 'user.erasure-cancelled',
  UserErased: 'user.erased',
  UserDataAccessed: 'audit.users.accessed',
  UserDataChanged: 'audit.user.changed',
  AuditSealed: 'audit.sealed',
};

/** The schema versions of event types; the others have 1.0.0. */
const schemaVersions: Readonly<Record<string, string>> = { UserDataAccessed: '2.0.0' };

/** The user id stored with events that are not about one user, such as `AuditSealed`. */
export const noUser = '00000000-0000-0000-0000-000000000000';

/** True if events of this type are published to `audit.events`. */
export function isAuditEvent(type: string): boolean {
  return routingKeys[type]?.startsWith('audit.') ?? false;
}

/**
 * Returns the event as a CloudEvent 1.0 in structured JSON, as contract/asyncapi.yaml describes it.
 *
 * @throws Error for a type without a routing key
 */
export function toMessage(event: PendingEvent): OutgoingMessage {
  const routingKey = routingKeys[event.type];
  if (!routingKey) throw new Error(`Event type ${event.type} has no routing key`);
  const envelope = {
    specversion: '1.0',
    id: event.id,
    ...(event.userId === noUser
      ? { source: '/user-service/audit' }
      : { source: `/user-service/users/${event.userId}`, subject: event.userId }),
    type: event.type,
    time: event.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    dataschema: `/schemas/${event.type}/${schemaVersions[event.type] ?? '1.0.0'}.json`,
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
