import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

export const userStatuses = ['PENDING', 'ACTIVE', 'DEACTIVATED'] as const;
/** The stored status. The graph adds `UNKNOWN` for erased and unknown ids. */
export type StoredUserStatus = (typeof userStatuses)[number];

export const verificationStatuses = ['UNVERIFIED', 'PENDING', 'VERIFIED'] as const;
export type VerificationStatus = (typeof verificationStatuses)[number];

export const deactivationReasons = [
  'USER_REQUESTED',
  'ADMINISTRATIVE_ACTION',
  'SECURITY_VIOLATION',
  'INACTIVITY',
] as const;
export type DeactivationReason = (typeof deactivationReasons)[number];

/** True for an account that is deactivated for a security violation: only staff may change it. */
export function isFrozen({ status, statusReason }: Pick<User, 'status' | 'statusReason'>): boolean {
  return status === 'DEACTIVATED' && statusReason === 'SECURITY_VIOLATION';
}

export const emailTopics = ['marketing', 'newsletter', 'recommendations', 'loyalty', 'orderUpdates'] as const;
/** A topic of e-mails that a person can turn on or off. Only `orderUpdates` is on by default. */
export type EmailTopic = (typeof emailTopics)[number];

export const addressParts = ['street', 'city', 'state', 'postalCode', 'country'] as const;
/** A postal address; always replaced as a whole. */
export type PostalAddress = Record<(typeof addressParts)[number], string | null>;

/** The id of a user in another system. */
export interface ExternalId {
  /** Name of the system, such as `crm`. */
  readonly system: string;
  /** Compared exactly. */
  readonly id: string;
}

/** A row of `users`: profile, verifications, status and e-mail preferences. */
@Entity('users')
@Check('users_status_check', `status IN ('PENDING', 'ACTIVE', 'DEACTIVATED')`)
@Check('users_email_verification_check', `email_verification IN ('UNVERIFIED', 'PENDING', 'VERIFIED')`)
@Check('users_phone_verification_check', `phone_verification IN ('UNVERIFIED', 'PENDING', 'VERIFIED')`)
@Unique('users_email_normalized_key', ['emailNormalized'])
@Unique('users_username_normalized_key', ['usernameNormalized'])
@Index('users_created_at_id_idx', ['createdAt', 'id'])
@Index('users_updated_at_id_idx', ['updatedAt', 'id'])
@Index('users_status_created_at_id_idx', ['status', 'createdAt', 'id'])
@Index('users_email_verification_created_at_id_idx', ['emailVerification', 'createdAt', 'id'])
@Index('users_last_name_id_idx', { synchronize: false })
@Index('users_phone_number_idx', { synchronize: false })
@Index('users_deactivated_at_idx', { synchronize: false })
@Index('users_pending_created_at_idx', { synchronize: false })
export class User {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'users_pkey' })
  id: string;

  /** As the person wrote it, trimmed. */
  @Column('text')
  email: string;

  @Column('text', { name: 'email_normalized' })
  emailNormalized: string;

  @Column('text')
  username: string;

  @Column('text', { name: 'username_normalized' })
  usernameNormalized: string;

  /** A new address until it is confirmed. It is not reserved: another user may take it. */
  @Column('text', { name: 'pending_email', nullable: true })
  pendingEmail: string | null;

  @Column('text', { name: 'first_name' })
  firstName: string;

  @Column('text', { name: 'first_name_normalized' })
  firstNameNormalized: string;

  @Column('text', { name: 'last_name' })
  lastName: string;

  @Column('text', { name: 'last_name_normalized' })
  lastNameNormalized: string;

  @Column('text', { name: 'display_name', nullable: true })
  displayName: string | null;

  /** E.164 with its plus sign. */
  @Column('text', { name: 'phone_number', nullable: true })
  phoneNumber: string | null;

  @Column('jsonb', { nullable: true })
  address: PostalAddress | null;

  /** A BCP 47 tag. */
  @Column('text', { nullable: true })
  locale: string | null;

  /** An IANA time zone name. */
  @Column('text', { name: 'time_zone', nullable: true })
  timeZone: string | null;

  @Column({ type: 'text', name: 'email_verification', enum: verificationStatuses, default: 'UNVERIFIED' })
  emailVerification: VerificationStatus;

  @Column('timestamptz', { name: 'email_verified_at', nullable: true })
  emailVerifiedAt: Date | null;

  @Column({ type: 'text', name: 'phone_verification', enum: verificationStatuses, default: 'UNVERIFIED' })
  phoneVerification: VerificationStatus;

  @Column('timestamptz', { name: 'phone_verified_at', nullable: true })
  phoneVerifiedAt: Date | null;

  @Column({ type: 'text', enum: userStatuses })
  status: StoredUserStatus;

  @Column({ type: 'text', name: 'status_reason', enum: deactivationReasons, nullable: true })
  statusReason: DeactivationReason | null;

  @Column('text', { name: 'status_notes', nullable: true })
  statusNotes: string | null;

  @Column('timestamptz', { name: 'status_changed_at' })
  statusChangedAt: Date;

  /** Ordered by system; null for none. Each is also a row of `external_ids`, where it is unique. */
  @Column('jsonb', { name: 'external_ids', nullable: true })
  externalIds: readonly ExternalId[] | null;

  @Column('boolean', { default: false })
  marketing: boolean;

  @Column('boolean', { default: false })
  newsletter: boolean;

  @Column('boolean', { default: false })
  recommendations: boolean;

  @Column('boolean', { default: false })
  loyalty: boolean;

  @Column('boolean', { name: 'order_updates', default: true })
  orderUpdates: boolean;

  /** When all topics but `orderUpdates` were last turned off; null while one of them is on. */
  @Column('timestamptz', { name: 'unsubscribed_at', nullable: true })
  unsubscribedAt: Date | null;

  /** Null until the first decision. */
  @Column('timestamptz', { name: 'preferences_updated_at', nullable: true })
  preferencesUpdatedAt: Date | null;

  /**
   * Counts changes of profile, external ids, status and preferences, and completed verifications. It is the `sequence`
   * of the user's events.
   */
  @Column('integer')
  version: number;

  /** Counts all writes of the row. The cache keeps the highest revision. */
  @Column('integer')
  revision: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt: Date;
}
