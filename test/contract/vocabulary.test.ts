import { problemsOfPath, problemsOfText } from '../../scripts/check-vocabulary';

it.each([
  'src/users/user-utils.ts',
  'src/common/clock.ts',
  'src/lib/clock.ts',
  'src/users/index.ts',
  'src/rabbitmq/connection-manager.ts',
  'src/http/request-handler.ts',
  'src/users/userService.ts',
  'src/users/user.thing.ts',
  'migrations/AddUsers.ts',
])('refuses the file name %s', (path) => {
  expect(problemsOfPath(path)).not.toEqual([]);
});

it.each([
  'src/main.ts',
  'src/users/user.repository.ts',
  'src/commerce/user-history.projection.ts',
  'src/postgres/database.ts',
  'migrations/1795378879925-CreateUsers.ts',
  'test/unit/users/user.service.test.ts',
])('accepts the file name %s', (path) => {
  expect(problemsOfPath(path)).toEqual([]);
});

it.each([
  'export class CacheManager {}',
  'class MessageHandler {}',
  'export class OutboxImpl {}',
  'export interface IOutbox {}',
  'const MAX_TRIES = 3;',
  'export const LIMITS: Limits = {};',
])('refuses %s', (text) => {
  expect(problemsOfText('src/outbox/outbox.ts', text)).not.toEqual([]);
});

it.each(['export class Outbox {}', 'const manager: EntityManager = x;', 'export interface InvalidInput {}'])(
  'accepts %s',
  (text) => {
    expect(problemsOfText('src/outbox/outbox.ts', text)).toEqual([]);
  },
);
