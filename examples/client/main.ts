import { GraphClient } from './graph-client';
import { type CreateUserResult, type UpdateUserResult, UserClient } from './user-client';

const url = process.env['GRAPH_URL'] ?? 'http://127.0.0.1:4001/graphql';
const token = process.env['GRAPH_TOKEN'] ?? '';

/** Returns a sentence about each possible result. A member that the graph gains is a compile-time error here. */
function describe(result: CreateUserResult | UpdateUserResult | null): string {
  switch (result?.__typename) {
    case 'CreateUserSuccess':
      return `created ${result.user.email}, version ${result.user.version}`;
    case 'UpdateUserSuccess':
      return `updated to ${result.user.displayName}, version ${result.user.version}`;
    case 'InvalidInputError':
      return `invalid: ${result.fields.map(({ path, code }) => `${path} ${code}`).join(', ')}`;
    case 'VersionConflictError':
      return `changed by another caller: the version is ${result.currentVersion}`;
    case 'CredentialsUnavailableError':
    case 'EmailTakenError':
    case 'ExternalIdTakenError':
    case 'IdempotencyConflictError':
    case 'UserIdTakenError':
    case 'UserNotActiveError':
    case 'UserNotFoundError':
    case 'UsernameTakenError':
      return `refused: ${result.message}`;
    case undefined:
      return 'there is no such user';
    default:
      return result satisfies never;
  }
}

const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const users = new UserClient(new GraphClient({ url, token }));
  const email = `client.${Date.now()}@example.com`;
  const created = await users.create({ email, firstName: 'Ada', lastName: 'Lovelace' });
  print(describe(created));
  print(describe(await users.create({ email, firstName: 'Ada', lastName: 'Lovelace' })));
  print(describe(await users.create({ email: 'nowhere', firstName: 'Ada', lastName: ' ' })));
  if (created.__typename !== 'CreateUserSuccess') return;
  const { id } = created.user;
  print(describe(await users.update(id, ({ version }) => ({ displayName: `Ada ${version}` }))));
  print(`read ${(await users.read(id))?.displayName}`);
  print(describe(await users.update('00000000-0000-7000-8000-000000000000', () => ({ displayName: null }))));
}

main().catch((error: unknown) => {
  const { cause } = error as Error;
  process.stderr.write(`${String(error)}${cause ? `: ${String(cause)}` : ''}\n`);
  process.exitCode = 1;
});
