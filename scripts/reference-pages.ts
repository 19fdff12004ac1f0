import 'reflect-metadata';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DefinitionNode, Kind, parse, print, type TypeDefinitionNode, type TypeNode } from 'graphql';
import { createSchema } from '../src/graphql/schema';
import { personalDataOfEvents } from '../src/personal-data/personal-data-of-events';
import { printFederatedSchema } from '../src/subgraph/federation';
import { callersOf } from './catalog';
import { readGraphDocument } from './graph-document';
import { type JsonSchema, readMessages } from './message-contract';

/** An entry of a reference page. */
interface Entry {
  /** The name, which is also the anchor. */
  readonly name: string;
  /** HTML. */
  readonly body: string;
}

interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Returns a description as HTML, with inline code. */
const prose = (text = '') => escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const rows = (head: readonly string[], cells: readonly (readonly string[])[]) =>
  cells.length === 0
    ? ''
    : `<table><tr>${head.map((it) => `<th>${it}</th>`).join('')}</tr>${cells
        .map((row) => `<tr>${row.map((it) => `<td>${it}</td>`).join('')}</tr>`)
        .join('\n')}</table>`;

const css = `
  body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: #1f2430; display: flex; }
  nav { position: sticky; top: 0; height: 100vh; overflow: auto; flex: 0 0 280px; box-sizing: border-box; padding: 16px;
    background: #eef1f7; border-right: 1px solid #cbd2e0; }
  nav a { display: block; color: #2a3f9d; text-decoration: none; overflow-wrap: anywhere; }
  nav input { width: 100%; box-sizing: border-box; padding: 6px 8px; font: inherit; }
  main { flex: 1; min-width: 0; max-width: 900px; padding: 16px 32px; }
  section { border-top: 1px solid #dde3ef; }
  table { border-collapse: collapse; width: 100%; margin: 8px 0; }
  th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-bottom: 1px solid #e6eaf2; }
  code, pre { font: 13px/1.5 ui-monospace, monospace; background: #f2f4f9; border-radius: 3px; }
  pre { padding: 12px; overflow: auto; }
  [hidden] { display: none !important; }
  @media (max-width: 700px) { body { display: block; } nav { position: static; height: auto; } }
`;

const script = `
  const filter = document.querySelector('input');
  filter.addEventListener('input', () => {
    for (const it of document.querySelectorAll('[data-name]'))
      it.hidden = !it.dataset.name.toLowerCase().includes(filter.value.trim().toLowerCase());
  });
`;

/** Returns a page in one file, which needs no network. */
function renderPage(title: string, introduction: string, sections: readonly Section[]): string {
  const links = sections.map(
    (section) =>
      `<h4>${section.title}</h4>\n${section.entries
        .map(({ name }) => `<a href="#${name}" data-name="${name}">${name}</a>`)
        .join('\n')}`,
  );
  const bodies = sections.map(
    (section) =>
      `<h2>${section.title}</h2>\n${section.entries
        .map(
          ({ name, body }) => `<section id="${name}" data-name="${name}"><h3>${name}</h3>\n${body}</section>`,
        )
        .join('\n')}`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${css}</style>
</head>
<body>
<nav><input type="search" placeholder="Filter by name" aria-label="Filter by name">
${links.join('\n')}
</nav>
<main>
<h1>${title}</h1>
<p>${introduction}</p>
${bodies.join('\n')}
</main>
<script>${script}</script>
</body>
</html>
`;
}

const standardTypes = new Set(['ID', 'String', 'Int', 'Float', 'Boolean']);

/** Returns a type as HTML, such as `[User!]!` with a link to `User`. */
function typeLink(type: TypeNode): string {
  const text = print(type);
  const name = text.replaceAll(/[[\]!]/g, '');
  return `<code>${standardTypes.has(name) ? text : text.replace(name, `<a href="#${name}">${name}</a>`)}</code>`;
}

type Field = Extract<DefinitionNode, { kind: Kind.OBJECT_TYPE_DEFINITION }>['fields'];

function fieldRows(fields: Field = []): string {
  const cells = fields.map(({ name, type, description, arguments: list = [] }) => {
    const parameters = list.map(
      (it) => `<br><code>${it.name.value}</code>: ${typeLink(it.type)} ${prose(it.description?.value)}`,
    );
    return [
      `<code>${name.value}</code>`,
      typeLink(type),
      `${prose(description?.value)}${parameters.join('')}`,
    ];
  });
  return rows(['field', 'type', ''], cells);
}

function typeBody(definition: TypeDefinitionNode): string {
  const description = `<p>${prose(definition.description?.value)}</p>`;
  switch (definition.kind) {
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_DEFINITION:
      return description + fieldRows(definition.fields);
    case Kind.INPUT_OBJECT_TYPE_DEFINITION: {
      const cells = (definition.fields ?? []).map((it) => [
        `<code>${it.name.value}</code>`,
        typeLink(it.type) + (it.defaultValue ? ` = <code>${print(it.defaultValue)}</code>` : ''),
        prose(it.description?.value),
      ]);
      return description + rows(['field', 'type', ''], cells);
    }
    case Kind.ENUM_TYPE_DEFINITION: {
      const cells = (definition.values ?? []).map((it) => [
        `<code>${it.name.value}</code>`,
        prose(it.description?.value),
      ]);
      return description + rows(['value', ''], cells);
    }
    case Kind.UNION_TYPE_DEFINITION:
      return `${description}<p>${(definition.types ?? []).map(typeLink).join(' or ')}</p>`;
    default:
      return description;
  }
}

/** Returns the reference of the graph. */
export function graphReference(): string {
  const { sdl } = readGraphDocument(printFederatedSchema(createSchema([])));
  const definitions = parse(sdl, { noLocation: true }).definitions as readonly TypeDefinitionNode[];
  const operationsOf = (kind: string): Entry[] =>
    definitions.flatMap((definition) =>
      definition.kind === Kind.OBJECT_TYPE_DEFINITION && definition.name.value === kind
        ? (definition.fields ?? []).map((field) => ({
            name: field.name.value,
            body: `<p>${prose(callersOf(field.name.value))}</p>${fieldRows([field])}`,
          }))
        : [],
    );
  const types = definitions
    .filter(({ name }) => name && !['Query', 'Mutation'].includes(name.value))
    .map((definition) => ({ name: String(definition.name?.value), body: typeBody(definition) }))
    .toSorted((one, other) => one.name.localeCompare(other.name));
  return renderPage('User Service: graph', 'The queries, mutations and types of the User Service.', [
    { title: 'Queries', entries: operationsOf('Query') },
    { title: 'Mutations', entries: operationsOf('Mutation') },
    { title: 'Types', entries: types },
  ]);
}

function typeOf({ type, format, enum: values, anyOf, const: only }: JsonSchema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (anyOf) return anyOf.map(typeOf).join(' | ');
  return [type, format].filter(Boolean).join(', ');
}

/** Returns the reference of the messages that the service publishes and consumes. */
export function messageReference(): string {
  // A message has several formats; the first is the structured one.
  const all = [...readMessages('contract').values()];
  const messages = all.filter((it, index) => all.findIndex(({ type }) => type === it.type) === index);
  const entriesOf = (action: string): Entry[] =>
    messages
      .filter((message) => message.action === action)
      .map(({ type, exchange, routingKey, payload, examples }) => {
        const wrapped = payload.properties?.['data'];
        const data = wrapped ?? payload;
        const personal = personalDataOfEvents[type]?.fields ?? {};
        const cells = Object.entries(data.properties ?? {}).map(([name, schema]) => [
          `<code>${name}</code>${data.required?.includes(name) ? '' : ' (optional)'}`,
          escape(typeOf(schema)),
          prose(schema.description),
          personal[name]?.dataClass ?? '',
        ]);
        const example = examples[0]
          ? `<pre>${escape(JSON.stringify(examples[0].payload, null, 2))}</pre>`
          : '';
        return {
          name: type,
          body: `<p>${prose(data.description)}</p>
<p>Exchange <code>${exchange}</code>, routing key <code>${routingKey}</code>.</p>
${rows(['member of <code>data</code>', 'type', '', 'class'], cells)}${example}`,
        };
      });
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  return renderPage(
    'User Service: messages',
    `The messages of the User Service ${version}, from contract/asyncapi.yaml.`,
    [
      { title: 'Published', entries: entriesOf('send') },
      { title: 'Consumed', entries: entriesOf('receive') },
    ],
  );
}

if (process.argv[1]?.endsWith('reference-pages.ts')) {
  const folder = join('dist', 'reference');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'graph.html'), graphReference());
  writeFileSync(join(folder, 'messages.html'), messageReference());
  process.stdout.write(`${folder}/graph.html\n${folder}/messages.html\n`);
}
