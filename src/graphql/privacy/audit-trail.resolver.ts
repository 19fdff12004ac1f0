import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { ArchivedTimeError, type AuditRepository } from '../../audit/audit.repository';
import { decodeCursor, PageArgs, readPageSize, toConnection } from '../../subgraph/connection';
import { badUserInput } from '../../subgraph/errors';
import { DateTime } from '../../subgraph/scalars';
import { parseUserId } from '../../users/normalized';
import type { PastProfiles } from '../../users/past-profiles';
import type { GraphqlContext } from '../context';
import { AuditChangeType, AuditConnection, AuditEntryType, toAuditEntryType } from './audit-trail.type';
import { toUserProfileType, UserProfileType } from './user-profile.type';

/** Resolves the queries of auditors. The access guard checks the scope before a resolver runs. */
@Resolver(() => AuditEntryType)
export class AuditTrailResolver {
  constructor(
    private readonly audit: AuditRepository,
    private readonly pastProfiles: PastProfiles,
  ) {}

  @Query(() => AuditConnection, {
    description:
      'Lists changes and reads of a user’s data, newest first. Also available for erased users. Requires the `users:audit` scope.',
  })
  async auditTrail(
    @Arg('userId', () => ID, { description: 'ID of the user.' }) userId: string,
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Ctx() { reads, deadline }: GraphqlContext,
  ): Promise<AuditConnection> {
    const size = readPageSize(first);
    const position = decodeCursor(after);
    const id = parseUserId(userId);
    // No user has an id that is not a UUID. One more row than the page shows whether another page follows.
    const rows =
      id === null
        ? []
        : await this.audit
            .list(id, { limit: size + 1, after: position, signal: deadline.signal })
            .catch(refuseArchivedTime);
    // Audited for erased users, too, because their entries still concern a person. An empty result is not a read.
    if (id !== null && rows.length > 0) reads.add(id, 'auditTrail');
    return toConnection(rows, { size, after, toNode: (entry) => toAuditEntryType(id ?? '', entry) });
  }

  @FieldResolver(() => [AuditChangeType], {
    nullable: true,
    description:
      'What the change changed, ordered by field. Null for a read, for an entry without values, and once the user is erased.',
  })
  changes(@Root() entry: AuditEntryType, @Ctx() { reads }: GraphqlContext): AuditChangeType[] | null {
    const changes = entry.readChanges();
    if (changes) reads.add(entry.userId, 'auditTrail.changes');
    return changes;
  }

  @Query(() => UserProfileType, {
    nullable: true,
    description:
      'Returns the profile of a user as it was at a time, changes at this time included. Null for a time before the user was created or in the future, and for users that are erased or unknown. Requires the `users:audit` scope.',
  })
  async profileAsOf(
    @Arg('userId', () => ID, { description: 'ID of the user.' }) userId: string,
    @Arg('at', () => DateTime, { description: 'The time.' }) at: Date,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<UserProfileType | null> {
    const id = parseUserId(userId);
    const profile = id && (await this.pastProfiles.find(id, at).catch(refuseArchivedTime));
    if (!profile) return null;
    reads.add(profile.id, 'profileAsOf');
    return toUserProfileType(profile);
  }
}

/** @throws BAD_USER_INPUT for a time before the cut of an archive, and any other error as it is */
function refuseArchivedTime(error: unknown): never {
  if (!(error instanceof ArchivedTimeError)) throw error;
  throw badUserInput(`Audit entries before ${error.cutAt.toISOString()} are archived: give a later time.`);
}
