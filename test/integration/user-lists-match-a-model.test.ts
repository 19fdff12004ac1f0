import { randomInt } from 'node:crypto';
import { normalized } from '../../src/users/normalized';
import { startTestApp, type TestApp } from '../testkit/app';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
  await storeLives();
});
afterAll(() => app.stop());

const stableUsers = 300;
const pick = <T>(values: readonly T[]): T => values[randomInt(values.length)] as T;

/** A user as the model knows it. Times are microseconds, as PostgreSQL stores them. */
interface Row {
  id: string;
  status: string;
  emailVerification: string;
  username: string;
  phone: string | null;
  firstName: string;
  lastName: string;
  email: string;
  createdAt: number;
  updatedAt: number;
  seenAt: number | null;
  orders: number;
  spent: Record<string, number>;
}
let rows: Row[];

const day = 86_400_000;
const start = Date.UTC(2024, 0, 1);
const firstNames = ['José', 'Zoë', 'Ada', 'ÅSA', 'ølaf', 'Jo', 'jose', 'Ängel'];
const lastNames = ['García', 'garcia', 'Müller', 'Zorn', 'Ångström', 'de la Cruz', 'O’Neil', 'Łuk', '김'];

/** Stores users with few distinct values, so that many of them are equal in what a list is ordered by. */
async function storeLives(): Promise<void> {
  const lives = Array.from({ length: stableUsers }, (_, n) => {
    const created = start + randomInt(20) * day;
    return {
      id: `01975a5e-0000-7000-8000-${String(randomInt(1_000_000_000)).padStart(9, '0')}${String(n).padStart(3, '0')}`,
      n,
      first: pick(firstNames),
      last: pick(lastNames),
      phone: randomInt(3) === 0 ? `+4930${randomInt(3)}` : null,
      verification: pick(['VERIFIED', 'VERIFIED', 'UNVERIFIED', 'PENDING']),
      status: pick(['ACTIVE', 'ACTIVE', 'ACTIVE', 'DEACTIVATED', 'PENDING']),
      created: new Date(created).toISOString(),
      updated: new Date(created + randomInt(10) * day).toISOString(),
      seen: pick([null, null, 1, 2, 3, 4, 5, 6, 7]),
      orders: pick([null, 0, 1, 2, 5, 9]),
      euros: pick([null, '0.01', '10', '99.9999']),
      dollars: pick([null, null, '10']),
    };
  });
  const json = JSON.stringify(
    lives.map((life) => ({ ...life, first_n: normalized(life.first), last_n: normalized(life.last) })),
  );
  await app.sql(
    `INSERT INTO users (id, email, email_normalized, username, username_normalized, first_name, first_name_normalized,
       last_name, last_name_normalized, phone_number, email_verification, status, status_changed_at, version, revision,
       created_at, updated_at)
     SELECT id, 'life' || n || '@example.com', 'life' || n || '@example.com', 'Life' || n, 'life' || n, first,
       first_n, last, last_n, phone, verification, status, created, 1, 1, created, updated
     FROM jsonb_to_recordset($1::jsonb) AS life (id uuid, n int, first text, first_n text, last text, last_n text, phone text, verification text,
       status text, created timestamptz, updated timestamptz)`,
    [json],
  );
  await app.sql(
    `INSERT INTO user_commerce (user_id, order_count) SELECT id, orders FROM jsonb_to_recordset($1::jsonb)
       AS life (id uuid, orders int) WHERE orders IS NOT NULL`,
    [json],
  );
  await app.sql(
    `INSERT INTO user_activity (user_id, last_seen_at) SELECT id, $2::timestamptz + seen * interval '1 day' FROM
       jsonb_to_recordset($1::jsonb) AS life (id uuid, seen int) WHERE seen IS NOT NULL`,
    [json, new Date(start)],
  );
  for (const [column, currency] of [
    ['euros', 'EUR'],
    ['dollars', 'USD'],
  ])
    await app.sql(
      `INSERT INTO user_spending (user_id, currency, amount) SELECT id, $2, ${column} FROM
         jsonb_to_recordset($1::jsonb) AS life (id uuid, ${column} numeric) WHERE ${column} IS NOT NULL`,
      [json, currency],
    );
  rows = lives.map((life) => ({
    id: life.id,
    status: life.status,
    emailVerification: life.verification,
    username: `life${life.n}`,
    phone: life.phone,
    firstName: life.first,
    lastName: life.last,
    email: `life${life.n}@example.com`,
    createdAt: Date.parse(life.created),
    updatedAt: Date.parse(life.updated),
    seenAt: life.seen === null ? null : start + life.seen * day,
    orders: life.orders ?? 0,
    spent: { EUR: Number(life.euros ?? 0), USD: Number(life.dollars ?? 0) },
  }));
}

/** The text of names without accents, for these names only. */
const plain = (text: string) =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replaceAll('ø', 'o')
    .replaceAll('ł', 'l');

interface Condition {
  readonly filter: Record<string, unknown>;
  readonly matches: (row: Row) => boolean;
}

/** Each filter with a random value. */
const conditions: Record<string, () => Condition> = {
  ids: () => {
    const ids = Array.from({ length: 40 }, () => pick(rows).id);
    const given = [...ids.map((id) => (randomInt(2) ? id.toUpperCase() : id)), 'malformed'];
    return { filter: { ids: given }, matches: ({ id }) => ids.includes(id) };
  },
  status: () => {
    const status = ['ACTIVE', 'DEACTIVATED', 'PENDING', 'UNKNOWN'].filter(() => randomInt(2));
    return { filter: { status }, matches: (row) => status.includes(row.status) };
  },
  emailVerification: () => {
    const emailVerification = ['VERIFIED', 'UNVERIFIED', 'PENDING'].filter(() => randomInt(2));
    return {
      filter: { emailVerification },
      matches: (row) => emailVerification.includes(row.emailVerification),
    };
  },
  username: () => {
    const { username } = pick(rows);
    return {
      filter: { username: ` ${username.toUpperCase()} ` },
      matches: (row) => row.username === username,
    };
  },
  phoneNumber: () => {
    const phone = `+4930${randomInt(4)}`;
    const phoneNumber = randomInt(2) ? phone : phone.slice(1);
    return { filter: { phoneNumber }, matches: (row) => row.phone === phone };
  },
  ...Object.fromEntries(
    (['created', 'updated'] as const).map((name) => [
      name,
      () => {
        const from = start + randomInt(20) * day;
        const to = from + randomInt(15) * day;
        const filter = { [`${name}From`]: new Date(from), [`${name}To`]: new Date(to) };
        const matches = (row: Row) => row[`${name}At`] >= from && row[`${name}At`] < to;
        return { filter, matches };
      },
    ]),
  ),
  lastSeen: () => {
    const from = start + randomInt(8) * day;
    const to = from + randomInt(8) * day;
    const filter = { lastSeenFrom: new Date(from), lastSeenTo: new Date(to) };
    return { filter, matches: ({ seenAt }) => seenAt !== null && seenAt >= from && seenAt < to };
  },
  orderCountMin: () => {
    const orderCountMin = randomInt(-1, 7);
    return { filter: { orderCountMin }, matches: ({ orders }) => orders >= orderCountMin };
  },
  orderCountMax: () => {
    const orderCountMax = randomInt(-1, 7);
    return { filter: { orderCountMax }, matches: ({ orders }) => orders <= orderCountMax };
  },
  orderCount: () => {
    const orderCountMin = randomInt(0, 5);
    const filter = { orderCountMin, orderCountMax: orderCountMin + 1 };
    return { filter, matches: ({ orders }) => orders === orderCountMin || orders === orderCountMin + 1 };
  },
  spentMin: () => {
    const currency = pick(['EUR', 'USD', 'CHF']);
    const amount = pick(['-1', '0', '0.01', '0.02', '10', '99.9999', '99.99991']);
    const matches = ({ spent }: Row) => (spent[currency] ?? 0) >= Number(amount);
    return { filter: { spentMin: { currency, amount } }, matches };
  },
  search: () => {
    const search = pick([
      'jose',
      'José',
      'JOSE gar',
      'garcía',
      'zoë m',
      'olaf',
      'asa ang',
      'ÅNG',
      'life1',
      'o’',
      'luk',
      '김',
      'de la',
    ]);
    const prefix = plain(search);
    const found = (row: Row) => [row.email, row.username, `${row.firstName} ${row.lastName}`, row.lastName];
    return {
      filter: { search },
      matches: (row) => found(row).some((text) => plain(text).startsWith(prefix)),
    };
  },
  none: () => ({ filter: {}, matches: () => true }),
};

type Order = { field: string; direction: 'ASC' | 'DESC' };
const valueOf: Record<string, (row: Row) => number | string | null> = {
  LAST_SEEN_AT: (row) => row.seenAt,
  CREATED_AT: (row) => row.createdAt,
  UPDATED_AT: (row) => row.updatedAt,
  LAST_NAME: (row) => plain(row.lastName),
};
const orders = Object.keys(valueOf).flatMap((field): Order[] => [
  { field, direction: 'ASC' },
  { field, direction: 'DESC' },
]);

function expected({ field, direction }: Order, matches: (row: Row) => boolean): string[] {
  const value = valueOf[field] as (row: Row) => number | string | null;
  const compare = (a: number | string, b: number | string) => (a < b ? -1 : a > b ? 1 : 0);
  const sign = direction === 'ASC' ? 1 : -1;
  const order = (a: Row, b: Row) => {
    const [one, other] = [value(a), value(b)];
    if ((one === null) !== (other === null)) return one === null ? 1 : -1;
    return sign * ((one !== null && other !== null && compare(one, other)) || compare(a.id, b.id));
  };
  return rows
    .filter(matches)
    .sort(order)
    .map(({ id }) => id);
}

const query = `query ($filter: UserFilter, $orderBy: UserOrder, $first: Int, $after: String, $last: Int, $before: String) {
  users(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

/** Returns the ids of all users in the order of the list, read page by page from one end. */
async function walk(filter: object, orderBy: Order, backward: boolean): Promise<string[]> {
  const stable = new Set(rows.map(({ id }) => id));
  const size = randomInt(50, 101);
  const ids: string[] = [];
  for (let cursor: string | null = null, more = true; more; ) {
    const page: object = backward ? { last: size, before: cursor } : { first: size, after: cursor };
    const { data, errors } = await app.graphql(query, { filter, orderBy, ...page }, { token: app.staff });
    expect(errors).toEqual([]);
    const { nodes, pageInfo } = data.users;
    const found = nodes.map(({ id }: { id: string }) => id).filter((id: string) => stable.has(id));
    if (backward) ids.unshift(...found);
    else ids.push(...found);
    expect(pageInfo[backward ? 'hasNextPage' : 'hasPreviousPage']).toBe(cursor !== null);
    more = pageInfo[backward ? 'hasPreviousPage' : 'hasNextPage'];
    cursor = pageInfo[backward ? 'startCursor' : 'endCursor'];
  }
  return ids;
}

it('users returns each user once in every order and from both ends, while others are created and changed', async () => {
  let running = true;
  let changes = 0;
  const change = async () => {
    const created: string[] = [];
    while (running) {
      if (created.length < 50) created.push((await createUser(app, { lastName: pick(lastNames) })).id);
      else
        await mutate(app, 'updateUser', { userId: pick(created), lastName: `${pick(lastNames)} ${changes}` });
      changes += 1;
    }
  };
  const changing = change();
  try {
    for (const [name, conditionOf] of Object.entries(conditions))
      for (const orderBy of name === 'none' ? orders : [pick(orders), pick(orders)]) {
        const one = conditionOf();
        const other = (conditions[pick(Object.keys(conditions))] as () => Condition)();
        const combined = randomInt(3) === 0 && Object.keys(one.filter).every((key) => !(key in other.filter));
        const filter = combined ? { ...one.filter, ...other.filter } : one.filter;
        const matches = (row: Row) => one.matches(row) && (!combined || other.matches(row));
        for (const backward of [false, true]) {
          const list = { filter, orderBy, backward };
          const ids = await walk(filter, orderBy, backward);
          expect({ list, ids }).toEqual({ list, ids: expected(orderBy, matches) });
        }
      }
  } finally {
    running = false;
    await changing;
  }
  expect(changes).toBeGreaterThan(50);
});
