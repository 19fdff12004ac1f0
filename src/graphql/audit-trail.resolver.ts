import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { AuditRepository } from '../audit/audit.repository';
import { decodeCursor, PageArgs, readPageSize, toConnection } from '../subgraph/connection';
import { parseUserId } from '../users/normalized';
import { AuditConnection, toAuditEntryType } from './audit-trail.type';
import type { GraphqlContext } from './context';

/** `auditTrail`: who changed and who read a user's data. */
@Resolver()
export class AuditTrailResolver {
  constructor(private readonly audit: AuditRepository) {}

  @Query(() => AuditConnection, {
    description:
      'Who changed and who read a user’s data, newest first, also of an erased user. Needs `users:audit`.',
  })
  async auditTrail(
    @Arg('userId', () => ID, { description: 'Whose data.' }) userId: string,
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<AuditConnection> {
    const size = readPageSize(first);
    const position = decodeCursor(after);
    const id = parseUserId(userId);
    const rows = id === null ? [] : await this.audit.list(id, size + 1, position);
    // Also of an erased user: what is left is still about somebody. Where there is nothing, nothing was read.
    if (id !== null && rows.length > 0) reads.add(id, 'auditTrail');
    return toConnection(rows, { size, after, toNode: toAuditEntryType });
  }
}
