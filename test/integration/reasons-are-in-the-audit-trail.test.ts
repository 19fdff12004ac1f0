import { randomBytes } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { eventually } from '../testkit/eventually';
import { findInSinks } from '../testkit/sinks';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let app: TestApp;
let officer: string;
let witness: Witness;
beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  witness = await startWitness(`${app.amqpPrefix}audit.events`);
});
afterAll(async () => {
  await witness.close();
  await app.stop();
});

const newReason = () => `kanari${randomBytes(5).toString('hex')}`;
const lastEntryOf = async (userId: string) => (await auditTrailOf(app, userId)).at(-1);
const publishedOf = (userId: string, action: string) =>
  eventually(() => {
    const message = witness.of(userId).find(({ event }) => event.data.action === action);
    expect(message).toBeDefined();
    return message?.event.data;
  });

it('the audit trail has the reason of a legal hold until the user is erased, and no other place has it', async () => {
  const { id: userId } = await createUser(app);
  const placed = newReason();
  const released = newReason();
  await mutate(app, 'placeLegalHold', { userId, reason: placed }, officer);
  expect(await lastEntryOf(userId)).toMatchObject({ action: 'LEGAL_HOLD_PLACED', reason: placed });
  await mutate(app, 'releaseLegalHold', { userId, reason: released }, officer);
  expect(await lastEntryOf(userId)).toMatchObject({ action: 'LEGAL_HOLD_RELEASED', reason: released });

  const own = await app.token({ sub: userId });
  const { export: exported } = await mutate(app, 'exportUserData', { userId }, own);
  expect(JSON.stringify(exported)).toContain('LEGAL_HOLD_PLACED');
  expect(JSON.stringify(exported)).not.toContain('kanari');
  for (const action of ['LEGAL_HOLD_PLACED', 'LEGAL_HOLD_RELEASED'])
    expect(await publishedOf(userId, action)).not.toHaveProperty('reason');
  expect(await findInSinks(app, [placed, released])).toEqual([]);

  await mutate(app, 'eraseUser', { userId }, officer);
  const holds = (await auditTrailOf(app, userId)).filter(({ action }) => action.startsWith('LEGAL_HOLD'));
  expect(holds.map(({ reason }) => reason)).toEqual([null, null]);
});

it('the audit trail has the reason of a deactivation in no entry of a later change', async () => {
  const { id: userId } = await createUser(app);
  await mutate(app, 'deactivateUser', { userId, reason: 'INACTIVITY' });
  await mutate(app, 'setExternalId', { userId, system: 'crm', id: userId });
  const reasons = (await auditTrailOf(app, userId)).map(({ action, reason }) => [action, reason]);
  expect(reasons).toContainEqual(['USER_DEACTIVATED', 'INACTIVITY']);
  expect(reasons).toContainEqual(['USER_UPDATED', null]);
  expect(await publishedOf(userId, 'USER_UPDATED')).not.toHaveProperty('reason');
});

it('the audit trail keeps the reason of an erasure by staff, and its event has none', async () => {
  const { id: userId } = await createUser(app);
  await mutate(app, 'eraseUser', { userId, reason: 'asked for by letter' }, officer);
  expect(await lastEntryOf(userId)).toMatchObject({
    action: 'USER_ERASED',
    actor: 'officer',
    reason: 'asked for by letter',
  });
  expect(await publishedOf(userId, 'USER_ERASED')).not.toHaveProperty('reason');
});

it('eraseUser discards the reason that users give for erasing themselves', async () => {
  const { id: userId } = await createUser(app);
  const reason = newReason();
  const own = await app.token({ sub: userId, authTime: new Date() });
  expect(await mutate(app, 'eraseUser', { userId, reason }, own)).toMatchObject({
    erasure: { status: 'COMPLETED' },
  });
  expect(await lastEntryOf(userId)).toMatchObject({ action: 'USER_ERASED', reason: 'USER_REQUESTED' });
  expect(await publishedOf(userId, 'USER_ERASED')).toMatchObject({ reason: 'USER_REQUESTED' });
  expect(await app.sql('SELECT reason FROM erasures WHERE user_id = $1', [userId])).toEqual([
    { reason: null },
  ]);
  expect(await findInSinks(app, [reason])).toEqual([]);
});
