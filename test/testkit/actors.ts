import type { TestApp } from './app';

/** The actors of a request, named as the columns of the access tables. */
export const actors = {
  anonymous: null,
  self: { self: true, scope: '' },
  'self+users:foo': { self: true, scope: 'users:foo' },
  other: { self: false, scope: '' },
  'orders:read': { self: false, scope: 'orders:read orders:write' },
  'users:foo': { self: false, scope: 'users:foo' },
  'users:privacy': { self: false, scope: 'users:privacy' },
  'users:audit': { self: false, scope: 'users:audit' },
  'users:read': { self: false, scope: 'users:read' },
  'users:write': { self: false, scope: 'users:write' },
} as const satisfies Record<string, { self: boolean; scope: string } | null>;

export type ActorName = keyof typeof actors;
export const actorNames = Object.keys(actors) as ActorName[];

/** Tokens of actors other than the user: one each, so that the service verifies each once. */
const tokensOfOthers = new WeakMap<TestApp, Map<ActorName, Promise<string>>>();

/** The token of this actor; `userId` is the user a request is about. Undefined for `anonymous`. */
export async function tokenOf(app: TestApp, actor: ActorName, userId: string): Promise<string | undefined> {
  const who = actors[actor];
  if (who === null) return undefined;
  if (who.self) return app.token({ sub: userId, scope: who.scope });
  const tokens = tokensOfOthers.get(app) ?? new Map<ActorName, Promise<string>>();
  tokensOfOthers.set(app, tokens);
  const token =
    tokens.get(actor) ?? app.token({ sub: '018f0000-0000-7000-8000-000000000000', scope: who.scope });
  tokens.set(actor, token);
  return token;
}

/**
 * Parses a table: a line of column names, then lines of a row name and one cell per column.
 * Throws if a line has too few or too many cells.
 */
export function readTable(text: string): Record<string, Record<ActorName, string>> {
  const [head = [], ...lines] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(
    lines.map(([name, ...cells]) => {
      if (cells.length !== head.length)
        throw new Error(`${name} has ${cells.length} of ${head.length} cells`);
      return [name, Object.fromEntries(head.map((column, index) => [column, cells[index]]))];
    }),
  ) as Record<string, Record<ActorName, string>>;
}
