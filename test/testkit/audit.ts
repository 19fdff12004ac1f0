import type { TestApp } from './app';

/** An entry of the audit trail, as the graph returns it. */
export interface TrailEntry {
  id: string;
  at: string;
  actor: string | null;
  action: string;
  fields: string[];
  count: number;
  reason: string | null;
}

/** The first hundred entries about a user, oldest first, without the entries for reading the trail. */
export async function auditTrailOf(app: TestApp, userId: string): Promise<TrailEntry[]> {
  const trail = await wholeAuditTrailOf(app, userId);
  return trail.filter(({ fields }) => fields.join() !== 'auditTrail');
}

/** The first hundred entries about a user, oldest first, including those for reading the trail. */
export async function wholeAuditTrailOf(app: TestApp, userId: string): Promise<TrailEntry[]> {
  const { data, errors } = await app.graphql(
    'query ($userId: ID!) { auditTrail(userId: $userId, first: 100) { nodes { id at actor action fields count reason } } }',
    { userId },
    { token: await app.token({ sub: 'auditor', scope: 'users:audit' }) },
  );
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data.auditTrail.nodes.toReversed();
}
