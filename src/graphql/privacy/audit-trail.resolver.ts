import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { AuditRepository } from '../../audit/audit.repository';
import { decodeCursor, PageArgs, readPageSize, toConnection } from '../../subgraph/connection';
import { parseUserId } from '../../users/normalized';
import type { GraphqlContext } from '../context';
import { AuditConnection, toAuditEntryType } from './audit-trail.type';

/** Resolves `Query.auditTrail`. The access guard checks the scope before the resolver runs. */
@Resolver()
export class AuditTrailResolver {
  constructor(private readonly audit: AuditRepository) {}

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
      id === null ? [] : await this.audit.list(id, { limit: size + 1, after: position, signal: deadline });
    // Audited for erased users, too, because their entries still concern a person. An empty result is not a read.
    if (id !== null && rows.length > 0) reads.add(id, 'auditTrail');
    return toConnection(rows, { size, after, toNode: toAuditEntryType });
  }
}
