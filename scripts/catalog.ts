import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { operations } from '../src/graphql/access/access';
import { personalDataMap } from '../src/personal-data/personal-data-map';
import { personalDataOfEvents } from '../src/personal-data/personal-data-of-events';
import type { GraphDocument, GraphOperation } from './graph-document';
import { type ContractMessage, type JsonSchema, readMessages, readSchemas } from './message-contract';

/** A file of the catalog, relative to the repository. */
export interface CatalogFile {
  readonly file: string;
  readonly print: () => string;
}

export const catalogFolder = 'catalog';

const owner = 'customer-experience-team';
const service = 'UserService';
const serviceVersion = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
const database = 'UserServiceDatabase';
const cache = 'UserServiceCache';

const channels: Readonly<Record<string, string>> = {
  'user.events': 'Changes of users. The events of a user arrive in order, without gaps in `sequence`.',
  'audit.events': 'Audited reads and changes of user data, by names of fields and without values.',
  'order.events': 'What happens to orders. The User Service folds it into the history of the user.',
  'payment.events': 'What happens to payments. The order of a payment says whose it is.',
  'loyalty.events': 'What happens to loyalty points.',
  'authentication.events': 'What happens to sign-ins.',
};

interface Page {
  readonly id: string;
  readonly version?: string;
  readonly summary: string;
  /** Further members of the front matter. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function page({ id, version = serviceVersion, summary, more = {}, body }: Page): string {
  const frontMatter = { id, name: id, version, summary, owners: [owner], ...more };
  return `---\n${stringify(frontMatter, { lineWidth: 0 })}---\n\n${body.trim()}\n`;
}

/** Returns the text without the characters that MDX reads as code, outside of inline code. */
function plain(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll(/[{}<>]/g, (it) => `\\${it}`)))
    .join('');
}

const row = (cells: readonly string[]) =>
  `| ${cells.map((cell) => plain(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n');

/** A message in its current version. */
interface CatalogMessage extends Pick<ContractMessage, 'type' | 'action' | 'exchange' | 'routingKey'> {
  readonly version: string;
  readonly schema: JsonSchema;
}

function readCatalogMessages(): CatalogMessage[] {
  const schemas = [...readSchemas('contract')];
  const messages = new Map([...readMessages('contract').values()].map((message) => [message.type, message]));
  return [...messages.values()].map(({ type, action, exchange, routingKey }) => {
    const [path = '', schema = {}] = schemas.findLast(([name]) => name.startsWith(`/schemas/${type}/`)) ?? [];
    return {
      type,
      action,
      exchange,
      routingKey,
      version: path.split('/').at(-1)?.replace('.json', '') ?? '',
      schema,
    };
  });
}

function messageFiles({
  type,
  action,
  exchange,
  routingKey,
  version,
  schema,
}: CatalogMessage): CatalogFile[] {
  const folder = join(catalogFolder, 'events', type);
  const personal = Object.entries(personalDataOfEvents[type]?.fields ?? {});
  const fields = personal.map(([name, { dataClass, purpose }]) => [`\`${name}\``, dataClass, purpose]);
  const direction = action === 'send' ? 'Published to' : 'Consumed from';
  const summary = (schema.description ?? type).replaceAll(/\s+/g, ' ');
  const body = `${direction} the topic exchange \`${exchange}\` with the routing key \`${routingKey}\`.

<NodeGraph />

## Personal data

${table(['field', 'class', 'purpose'], fields)}

## Schema

<SchemaViewer file="schema.json" maxHeight="500" />
`;
  return [
    {
      file: join(folder, 'index.mdx'),
      print: () => page({ id: type, version, summary, more: { schemaPath: 'schema.json' }, body }),
    },
    {
      file: join(folder, 'schema.json'),
      print: () => readFileSync(join('contract', 'schemas', type, `${version}.json`), 'utf8'),
    },
  ];
}

/** Returns who may call an operation, in words. */
export function callersOf(name: string): string {
  const { anyone, scope, self } = operations[name] ?? {};
  if (anyone) return 'Callers need no access token.';
  const holders = [...(self ? ['the user'] : []), ...(scope ? [`callers with the scope \`${scope}\``] : [])];
  return `Callers: ${holders.join(', and ') || 'all with a valid access token'}.`;
}

function operationFiles({ name, kind, description, sdl, profileTypes }: GraphOperation): CatalogFile[] {
  const id = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const folder = join(catalogFolder, kind === 'Mutation' ? 'commands' : 'queries', id);
  const names = profileTypes.map((type) => `\`${type}\``).join(' and ');
  const body = `The field \`${name}\` of \`${kind}\` in the graph. ${callersOf(name)}

<NodeGraph />

<Schema file="schema.graphql" lang="graphql" />
${names && `\nSee ${names} in the graph of [[service|${service}]].\n`}`;
  const more = { schemaPath: 'schema.graphql', operation: { method: 'POST', path: '/graphql' } };
  return [
    { file: join(folder, 'index.mdx'), print: () => page({ id, summary: description, more, body }) },
    { file: join(folder, 'schema.graphql'), print: () => sdl },
  ];
}

/** Returns the classes of the personal data in the tables, and what happens to their records. */
function tablesOf(describe: (table: string) => string): string[][] {
  return Object.entries(personalDataMap).map(([name, { columns }]) => {
    const classes = new Set(Object.values(columns).map(({ dataClass }) => dataClass));
    return [`\`${name}\``, [...classes].sort().join(', '), describe(name)];
  });
}

function containerFiles(describe: (table: string) => string): CatalogFile[] {
  const residency = 'The region of the deployment; replicas and backups included';
  const databasePage = () =>
    page({
      id: database,
      summary: 'The PostgreSQL database of the User Service: users, their history, audit trail and outbox.',
      more: {
        container_type: 'database',
        technology: 'PostgreSQL 15 or newer',
        authoritative: true,
        access_mode: 'readWrite',
        classification: 'regulated',
        residency,
        retention: 'Until the user is erased, or earlier as the table below says',
      },
      body: `Only the User Service reads and writes it.

${table(['table', 'classes of data', 'erasure and retention'], tablesOf(describe))}
`,
    });
  const cachePage = () =>
    page({
      id: cache,
      summary: 'The Redis cache of the User Service: users as they are in the database.',
      more: {
        container_type: 'cache',
        technology: 'Redis 7 or newer',
        authoritative: false,
        access_mode: 'readWrite',
        classification: 'regulated',
        residency,
        retention: 'A minute after the last read from the database; an erased user immediately',
      },
      body: 'The service works without it. An erasure deletes the record and leaves a tombstone without personal data.',
    });
  return [
    { file: join(catalogFolder, 'containers', database, 'index.mdx'), print: databasePage },
    { file: join(catalogFolder, 'containers', cache, 'index.mdx'), print: cachePage },
  ];
}

function servicePage(messages: readonly CatalogMessage[], graph: GraphDocument): string {
  const of = (action: 'send' | 'receive') => messages.filter((message) => message.action === action);
  const at = ({ exchange }: CatalogMessage) => [{ id: exchange, version: '1.0.0' }];
  const calls = graph.operations.map(({ name }) => ({
    id: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    version: serviceVersion,
  }));
  return page({
    id: service,
    summary: 'The source of truth for the customers of the platform, as a federated GraphQL subgraph.',
    more: {
      sends: of('send').map((message) => ({ id: message.type, version: message.version, to: at(message) })),
      receives: [
        ...of('receive').map((message) => ({
          id: message.type,
          version: message.version,
          from: at(message),
        })),
        ...calls,
      ],
      writesTo: [database, cache].map((id) => ({ id, version: serviceVersion })),
      readsFrom: [database, cache].map((id) => ({ id, version: serviceVersion })),
      specifications: [
        { type: 'asyncapi', path: 'asyncapi.yaml', name: 'Messages' },
        { type: 'graphql', path: 'schema.graphql', name: 'Graph' },
      ],
    },
    body: `It owns the type \`User\` of the graph: profile, status of the account, e-mail preferences and history.

<NodeGraph />

Commands are mutations and queries are queries of one endpoint, \`POST /graphql\`, which other teams call through the router.
`,
  });
}

/** Returns contract/asyncapi.yaml with references to the catalog's copies of the schemas. */
function bundledAsyncApi(): string {
  return readFileSync(join('contract', 'asyncapi.yaml'), 'utf8').replaceAll(
    /\.\/schemas\/([A-Za-z]+)\/[\d.]+\.json/g,
    '../../events/$1/schema.json',
  );
}

/**
 * Returns every file of the catalog: EventCatalog pages of the service, its messages, commands, queries, channels and
 * containers.
 *
 * @param describe returns what erasure and retention do with a table
 */
export function catalogFiles(graph: GraphDocument, describe: (table: string) => string): CatalogFile[] {
  const messages = readCatalogMessages();
  const serviceFolder = join(catalogFolder, 'services', service);
  const used = new Set(messages.map(({ exchange }) => exchange));
  return [
    { file: join(serviceFolder, 'index.mdx'), print: () => servicePage(messages, graph) },
    { file: join(serviceFolder, 'schema.graphql'), print: () => graph.sdl },
    { file: join(serviceFolder, 'asyncapi.yaml'), print: bundledAsyncApi },
    ...messages.flatMap(messageFiles),
    ...graph.operations.flatMap(operationFiles),
    ...[...used].map((exchange) => ({
      file: join(catalogFolder, 'channels', exchange, 'index.mdx'),
      print: () =>
        page({
          id: exchange,
          version: '1.0.0',
          summary: channels[exchange] ?? exchange,
          more: { address: exchange, protocols: ['amqp'], deliveryGuarantee: 'at-least-once' },
          body: 'A durable topic exchange of RabbitMQ. The routing key says what happened.\n\n<ChannelInformation />',
        }),
    })),
    ...containerFiles(describe),
    {
      file: join(catalogFolder, 'teams', `${owner}.mdx`),
      print: () =>
        `---\nid: ${owner}\nname: Customer Experience\nsummary: Owns the User Service.\n---\n\nOwns the User Service.\n`,
    },
  ];
}

/** Returns the files in the catalog's folder that are not printed any more. */
export function strayCatalogFiles(files: readonly CatalogFile[]): string[] {
  const printed = new Set(files.map(({ file }) => file));
  return readdirSync(catalogFolder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !printed.has(file));
}
