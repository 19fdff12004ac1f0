import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { contractBreaks } from '../../scripts/contract-breaks';
import { graphBreaks } from '../../scripts/graph-breaks';

const top = resolve(__dirname, '../..');

const graph = `
  type User @key(fields: "id") { id: ID! name: String status: Status! }
  enum Status { ACTIVE CLOSED }
  union Result = User
  input Change { id: ID! }
  type Query { user(id: ID): User change(input: Change): Result }`;

describe('graphBreaks', () => {
  it.each([
    ['a removed field', 'name: String', '', 'User.name was removed.'],
    ['a removed type', /union Result = User| change.*Result/g, '', 'Result was removed.'],
    ['a field that may be null now', 'Status!', 'Status', 'User.status changed type from Status! to Status.'],
    [
      'a newly required input',
      'Change { id: ID!',
      'Change { id: ID! to: ID!',
      'A required field to on input type',
    ],
    ['a removed value', ' CLOSED', '', 'CLOSED was removed from enum type Status.'],
    ['a removed argument', '(id: ID)', '', 'Query.user arg id was removed.'],
    ['a removed key', '@key(fields: "id")', '', 'User @key(fields: "id") was removed.'],
  ])('returns a break for %s', (_what, text, by, said) => {
    expect(graphBreaks(graph, graph.replace(text, by)).join('\n')).toContain(said);
  });

  it('returns nothing for a new field, a new type and a deprecation', () => {
    const current = `${graph.replace('name: String', 'name: String @deprecated colour: Colour')} type Colour { id: ID }`;
    expect(graphBreaks(graph, current)).toEqual([]);
  });
});

describe('contractBreaks', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'contract-'));
    for (const name of ['contract', 'schema.graphql'])
      cpSync(join(top, name), join(folder, name), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  const replace = (file: string, text: string | RegExp, by: string) => {
    const after = read(file).replace(text, by);
    expect(after).not.toBe(read(file));
    writeFileSync(join(folder, file), after);
  };
  const check = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [join(top, 'scripts/run.cjs'), join(top, 'scripts/check-contract.ts'), ...args],
      { cwd: folder, encoding: 'utf8' },
    );
  const asyncapi = 'contract/asyncapi.yaml';

  it('returns nothing for the committed contract', () => {
    expect(contractBreaks(top)).toEqual([]);
  });

  it('names every break of a checkout', () => {
    const changes: [what: string, file: string, text: string | RegExp, by: string, said: string][] = [
      [
        'another routing key',
        asyncapi,
        'address: user.updated',
        'address: user.changed',
        'UserUpdated: its routingKey was user.updated and is user.changed',
      ],
      [
        'another exchange',
        asyncapi,
        'name: payment.events',
        'name: payments',
        'PaymentFailed: its exchange was payment.events and is payments',
      ],
      [
        'a removed operation',
        asyncapi,
        /^ {2}publishUserErased:\n(?: {4}.*\n)*/m,
        '',
        'the message UserErased was removed',
      ],
      [
        'a removed form of a message',
        asyncapi,
        "      - { $ref: '#/channels/orderPlaced/messages/OrderPlacedBare' }\n",
        '',
        'the message OrderPlacedBare was removed',
      ],
      [
        'another envelope',
        asyncapi,
        '^[0-9]{20}$',
        '^[0-9]{10}$',
        'UserCreated.sequence: pattern "^[0-9]{20}$" refuses some of what is written',
      ],
      [
        'a newly required header',
        asyncapi,
        'required: [ ce-specversion, ',
        'required: [ ce-specversion, ce-time, ',
        'OrderPlacedBinary headers.ce-time is required by the reader',
      ],
      [
        'newly required data',
        'contract/schemas/PaymentFailed/1.0.0.json',
        '["paymentId", "orderId"]',
        '["paymentId", "orderId", "amount"]',
        'PaymentFailed.data.amount is required by the reader',
      ],
      [
        'removed data',
        'contract/schemas/UserEmailVerified/1.0.0.json',
        '"emailChanged": {',
        '"changed": {',
        'UserEmailVerified.data.emailChanged was removed',
      ],
      [
        'a removed field of the graph',
        'schema.graphql',
        /^ {2}displayName: /m,
        '  nickname: ',
        'displayName',
      ],
    ];
    for (const [, file, text, by] of changes) replace(file, text, by);
    const breaks = contractBreaks(folder).join('\n');
    const unnamed = changes.filter(([, , , , said]) => !breaks.includes(said)).map(([what]) => what);
    expect(unnamed).toEqual([]);
  });

  it('reports a schema that is no longer served, and a missing release', () => {
    cpSync(join(folder, 'contract/schemas/UserErased'), join(folder, 'contract/released/schemas/UserLost'), {
      recursive: true,
    });
    expect(contractBreaks(folder)).toEqual(['/schemas/UserLost/1.0.0.json is no longer served']);
    rmSync(join(folder, 'contract/released'), { recursive: true });
    expect(contractBreaks(folder)).toEqual([expect.stringMatching('contract/released is missing')]);
  });

  it('check-contract --release releases neither an invalid AsyncAPI document nor a break', () => {
    const released = read('contract/released/schema.graphql');
    replace(asyncapi, 'tags: [', 'tag: [');
    replace('schema.graphql', /^ {2}displayName: /m, '  nickname: ');
    const { status, stdout } = check('--release');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^contract\/asyncapi\.yaml:\d+: .*\n.*displayName was removed/m);
    expect(read('contract/released/schema.graphql')).toBe(released);
  });

  it('check-contract --release releases additions, which later count as released', () => {
    const schema = 'schemas/UserErased/1.0.0.json';
    replace(`contract/${schema}`, '"erasedAt": {', '"by": { "type": "string" }, "erasedAt": {');
    replace('schema.graphql', /^ {2}displayName: /m, '  nickname: String\n  displayName: ');
    expect(check('--release')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(read('contract/released/schema.graphql')).toBe(read('schema.graphql'));
    expect(read(`contract/released/${schema}`)).toBe(read(`contract/${schema}`));
    replace('schema.graphql', '  nickname: String\n', '');
    expect(contractBreaks(folder)).toEqual([expect.stringMatching('nickname was removed')]);
  });
});
