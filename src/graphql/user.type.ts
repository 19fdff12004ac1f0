import { Directive, Field, ID, Int, ObjectType } from 'type-graphql';
import type { EmailPreferences } from '../consent/email-preferences.projection';
import { DateTime } from '../subgraph/scalars';
import type {
  DeactivationReason as DeactivationReasonValue,
  VerificationStatus as Status,
  User,
} from '../users/user.entity';
import { DeactivationReason, UserStatus, VerificationStatus } from './user-enums.type';

@ObjectType('Address', { description: 'A postal address; replaced as a whole.' })
export class AddressType {
  @Field(() => String, { nullable: true, description: 'Street and house number.' })
  street: string | null;

  @Field(() => String, { nullable: true, description: 'City or town.' })
  city: string | null;

  @Field(() => String, { nullable: true, description: 'State, province or region.' })
  state: string | null;

  @Field(() => String, { nullable: true, description: 'Postal code.' })
  postalCode: string | null;

  @Field(() => String, { nullable: true, description: 'Country.' })
  country: string | null;
}

@ObjectType('Verification', { description: 'Whether an address or number is known to reach its user.' })
export class VerificationType {
  @Field(() => VerificationStatus, { description: 'How far the proof has come.' })
  status: Status;

  @Field(() => DateTime, { nullable: true, description: 'When it was proven.' })
  verifiedAt: Date | null;
}

@ObjectType('EmailPreferences', { description: 'What a user allows e-mail about.' })
export class EmailPreferencesType {
  @Field(() => ID, { description: 'Whose preferences these are.' })
  userId: string;

  @Field(() => Boolean, { description: 'Offers and campaigns. Off by default.' })
  marketing: boolean;

  @Field(() => Boolean, { description: 'The newsletter. Off by default.' })
  newsletter: boolean;

  @Field(() => Boolean, { description: 'Recommended products. Off by default.' })
  recommendations: boolean;

  @Field(() => Boolean, { description: 'News of the loyalty programme. Off by default.' })
  loyalty: boolean;

  @Field(() => Boolean, { description: 'What becomes of one’s orders. On by default.' })
  orderUpdates: boolean;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When everything but `orderUpdates` was last turned off; null while anything else is on.',
  })
  unsubscribedAt: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When a decision last changed them; null until the first.',
  })
  updatedAt: Date | null;
}

/** The face of a user in the graph. `history` is added by its own resolver. */
@ObjectType('User', {
  description:
    'A customer. Everything but `id`, `displayName` and `status` is for the user and for `users:read`; what the actor may not read is null.',
})
@Directive('@key(fields: "id")')
export class UserType {
  @Field(() => ID, { description: 'A UUID that never changes.' })
  id: string;

  @Field(() => String, { nullable: true, description: 'The name the user chose to be seen under, if any.' })
  displayName: string | null;

  @Field(() => UserStatus, { description: 'The state of the account.' })
  status: UserStatus;

  @Field(() => String, {
    nullable: true,
    description: 'Unique without regard to case; the e-mail address by default.',
  })
  username: string | null;

  @Field(() => String, { nullable: true, description: 'The e-mail address, unique among users.' })
  email: string | null;

  @Field(() => String, { nullable: true, description: 'A new e-mail address until it is confirmed.' })
  pendingEmail: string | null;

  @Field(() => String, { nullable: true, description: 'First name.' })
  firstName: string | null;

  @Field(() => String, { nullable: true, description: 'Last name.' })
  lastName: string | null;

  @Field(() => String, { nullable: true, description: 'E.164, with the plus sign.' })
  phoneNumber: string | null;

  @Field(() => AddressType, { nullable: true, description: 'Postal address.' })
  address: AddressType | null;

  @Field(() => String, { nullable: true, description: 'A BCP 47 language tag, as `en-GB`.' })
  locale: string | null;

  @Field(() => String, { nullable: true, description: 'An IANA time zone name, as `Europe/Berlin`.' })
  timeZone: string | null;

  @Field(() => VerificationType, { nullable: true, description: 'Whether `email` reaches the user.' })
  emailVerification: VerificationType | null;

  @Field(() => VerificationType, { nullable: true, description: 'Whether `phoneNumber` reaches the user.' })
  phoneVerification: VerificationType | null;

  @Field(() => EmailPreferencesType, { nullable: true, description: 'What the user allows e-mail about.' })
  emailPreferences: EmailPreferencesType | null;

  @Field(() => DeactivationReason, { nullable: true, description: 'Why the account is out of use.' })
  statusReason: DeactivationReasonValue | null;

  @Field(() => String, {
    nullable: true,
    description: 'What staff noted at the last change of status; not for the user.',
  })
  statusNotes: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When the status last changed.' })
  statusChangedAt: Date | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Counts changes of profile, status, preferences and verification. For `expectedVersion`.',
  })
  version: number | null;

  @Field(() => DateTime, { nullable: true, description: 'When the user was created.' })
  createdAt: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the user last changed.' })
  updatedAt: Date | null;
}

/** The face of a user, made anew for each answer: users are shared, and the graph writes on what it is handed. */
export function toUserType(user: User): UserType {
  return Object.assign(new UserType(), {
    id: user.id,
    displayName: user.displayName,
    status: user.status,
    username: user.username,
    email: user.email,
    pendingEmail: user.pendingEmail,
    firstName: user.firstName,
    lastName: user.lastName,
    phoneNumber: user.phoneNumber,
    address: user.address,
    locale: user.locale,
    timeZone: user.timeZone,
    emailVerification: { status: user.emailVerification, verifiedAt: user.emailVerifiedAt },
    phoneVerification: { status: user.phoneVerification, verifiedAt: user.phoneVerifiedAt },
    emailPreferences: toEmailPreferencesType(user),
    statusReason: user.statusReason,
    statusNotes: user.statusNotes,
    statusChangedAt: user.statusChangedAt,
    version: user.version,
    createdAt: user.createdAt,
    updatedAt: user.updatedAt,
  } satisfies UserType);
}

export function toEmailPreferencesType(user: User): EmailPreferencesType {
  return emailPreferencesOf(user.id, { ...user, updatedAt: user.preferencesUpdatedAt });
}

/** The face of what a user allowed at some moment. */
export function emailPreferencesOf(userId: string, it: EmailPreferences): EmailPreferencesType {
  return Object.assign(new EmailPreferencesType(), {
    userId,
    marketing: it.marketing,
    newsletter: it.newsletter,
    recommendations: it.recommendations,
    loyalty: it.loyalty,
    orderUpdates: it.orderUpdates,
    unsubscribedAt: it.unsubscribedAt,
    updatedAt: it.updatedAt,
  } satisfies EmailPreferencesType);
}

/** The face of an id that was erased or never known: one answer for both. */
export function unknownUser(id: string): UserType {
  return Object.assign(new UserType(), { id, status: UserStatus.UNKNOWN });
}
