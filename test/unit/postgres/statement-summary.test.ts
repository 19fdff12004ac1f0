import { describeStatement } from '../../../src/postgres/statement-summary';

it.each([
  ['SELECT id FROM users WHERE email = $1', 'SELECT users'],
  ['  INSERT INTO outbox_events (id) VALUES ($1)', 'INSERT outbox_events'],
  ['UPDATE "users" SET version = 2', 'UPDATE users'],
  ['WITH added AS (INSERT INTO user_history VALUES ($1)) SELECT 1', 'INSERT user_history'],
  ['WITH sample AS (SELECT 1) SELECT * FROM users FOR UPDATE', 'SELECT users'],
  ['COMMIT', 'COMMIT'],
])('describeStatement names %p by operation and table', (sql, name) => {
  expect(describeStatement(sql).name).toBe(name);
});

it('describeStatement contains the name of a prepared statement, and no text', () => {
  const described = describeStatement({ name: 'prepared_3', text: "SELECT 'Ada' FROM users" });
  expect(described.attributes).toEqual({
    'db.system.name': 'postgresql',
    'db.operation.name': 'SELECT',
    'db.collection.name': 'users',
    'db.query.prepared_name': 'prepared_3',
  });
});
