import 'reflect-metadata';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { parse } from 'yaml';
import { capacityTable } from '../bench/capacity';
import { type Audience, operations, userFields } from '../src/graphql/access/access';
import { createSchema } from '../src/graphql/schema';
import { personalDataMap } from '../src/personal-data/personal-data-map';
import { columnsOf } from '../src/postgres/entity-columns';
import { settings } from '../src/settings';
import { printFederatedSchema } from '../src/subgraph/federation';
import { createMetrics } from '../src/telemetry/metrics';
import { addressParts, User } from '../src/users/user.entity';
import { catalogFiles, strayCatalogFiles } from './catalog';
import { renderComparison } from './comparison-chart';
import { printDashboard } from './dashboard';
import { renderDiagram } from './diagram';
import { readGraphDocument } from './graph-document';
import { renderPanels } from './panel-charts';
import { describeTable, payloadsTable, personalDataTable, table } from './personal-data-tables';
import { composePlatform, copyInChart } from './platform-files';
import { renderTrace } from './trace-diagram';

const importRules = require('../.dependency-cruiser.cjs') as {
  forbidden: { name: string; from: { path?: string }; to: { path?: string } }[];
};

/** A file, or the part of a file between two markers, that is printed from the code or from another file. */
interface Generated {
  file: string;
  /** The name in `<!-- name -->` … `<!-- /name -->`; without it, the whole file. */
  marker?: string;
  print: () => string;
}

const exportSchemaFile = 'contract/user-data-export.schema.json';

const graph = readGraphDocument(printFederatedSchema(createSchema([])));
const catalog = catalogFiles(graph, (name) => describeTable(name));

const generatedParts: Generated[] = [
  ...catalog,
  { file: 'schema.graphql', print: () => printFederatedSchema(createSchema([])) },
  { file: exportSchemaFile, print: exportSchema },
  { file: 'docs/settings.md', marker: 'settings', print: settingsTable },
  { file: 'docs/access.md', marker: 'fields', print: fieldsTable },
  { file: 'docs/access.md', marker: 'operations', print: operationsTable },
  { file: 'docs/metrics.md', marker: 'metrics', print: metricsTable },
  { file: 'docs/metrics.md', marker: 'alerts', print: alertsTable },
  { file: 'deploy/grafana/user-service.json', print: printDashboard },
  {
    file: 'deploy/router/supergraph.graphql',
    print: () => composePlatform(printFederatedSchema(createSchema([]))),
  },
  ...['docs/application-role.sql', 'deploy/prometheus/user-service.rules.yaml'].map(copyInChart),
  { file: 'docs/scaling.md', marker: 'capacity', print: capacityTable },
  { file: 'docs/architecture.md', marker: 'floors', print: floorsTable },
  { file: 'docs/privacy-map.md', marker: 'tables', print: personalDataTable },
  { file: 'docs/privacy-map.md', marker: 'payloads', print: payloadsTable },
  ...drawn('.txt', renderDiagram),
  ...drawn('.trace', renderTrace),
  ...drawn('.panels', renderPanels),
  {
    file: 'docs/diagrams/comparison.svg',
    print: () => renderComparison(readFileSync('docs/performance.md', 'utf8')),
  },
];

/** The pictures of `docs/diagrams` whose sources end so. */
function drawn(end: string, render: (source: string) => string): Generated[] {
  const sources = readdirSync('docs/diagrams').filter((name) => name.endsWith(end));
  return sources.map((name) => ({
    file: `docs/diagrams/${basename(name, end)}.svg`,
    print: () => render(readFileSync(`docs/diagrams/${name}`, 'utf8')),
  }));
}

/** The schema of an export, in which the sections with columns of `users` are printed from the map and the entity. */
function exportSchema(): string {
  const schema = JSON.parse(readFileSync(exportSchemaFile, 'utf8'));
  const sections: Record<string, Record<string, unknown>> = {};
  for (const [column, { exportedAs }] of Object.entries(personalDataMap['users']?.columns ?? {})) {
    const [section, name] = exportedAs?.split('.') ?? [];
    if (section && name) (sections[section] ??= {})[name] = exportedColumn(column);
  }
  for (const [section, properties] of Object.entries(sections)) {
    const required = Object.keys(properties);
    schema.properties[section] = { type: 'object', additionalProperties: false, required, properties };
  }
  // As the formatter has it: lists of texts on one line if they fit.
  return `${JSON.stringify(schema, null, 2)}\n`.replaceAll(
    /^( *)(.*)\[\n\s+("[^[\]{}]*")\n\s+\](,?)$/gm,
    (lines: string, indent: string, before: string, items: string, after: string) => {
      const line = `${indent}${before}[${items.split(/,\s+/).join(', ')}]${after}`;
      return line.length <= 110 ? line : lines;
    },
  );
}

/** The JSON Schema of an exported column of `users`. */
function exportedColumn(name: string): Record<string, unknown> {
  const column = columnsOf(User).find((it) => it.name === name);
  if (!column) throw new Error(`the entity has no column ${name}`);
  const orNull = (type: string) => (column.isNullable ? [type, 'null'] : type);
  if (column.values) return column.isNullable ? { type: orNull('string') } : { enum: column.values };
  if (name === 'address') {
    const part = { type: ['string', 'null'] };
    const properties = Object.fromEntries(addressParts.map((it) => [it, part]));
    return { type: orNull('object'), additionalProperties: false, required: addressParts, properties };
  }
  if (name === 'external_ids') {
    const properties = { system: { type: 'string' }, id: { type: 'string' } };
    const required = Object.keys(properties);
    // An export has an empty list instead of null.
    return { type: 'array', items: { type: 'object', additionalProperties: false, required, properties } };
  }
  if (column.type === 'timestamptz') return { type: orNull('string'), format: 'date-time' };
  return { type: orNull(column.type === 'text' ? 'string' : column.type) };
}

/** The table of settings, from the settings that `loadConfig` reads. */
function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, { meaning, unset, schema, ...rest }]) => [
    `\`${name}\`${'requiredInProduction' in rest ? ' *' : ''}`,
    meaning,
    schema.description ?? '',
    unset,
  ]);
  return table(['variable', 'meaning', 'allowed', 'unset means'], rows);
}

/** The floors of src, from the highest to the lowest, as the import rules have them. */
function floorsTable(): string {
  const folders = (path: string) => /\((.*)\)/.exec(path)?.[1]?.split('|') ?? [];
  const rules = importRules.forbidden.filter(({ name }) => name.startsWith('downwards-from-'));
  const floors = rules.map(({ from }) => folders(from.path ?? ''));
  const top = folders(rules.at(-1)?.to.path ?? '').filter((folder) => !floors.flat().includes(folder));
  const rows = [...floors, top].map((names, floor) => [
    String(floor + 1),
    names.map((name) => `\`${name}/\``).join(' '),
  ]);
  return table(['floor', 'folders of `src/`'], rows.reverse());
}

/** Who may read which fields of `User`, from the table that the access checks use. */
function fieldsTable(): string {
  const fieldsFor = (audience: Audience) =>
    Object.keys(userFields)
      .filter((field) => userFields[field] === audience)
      .map((field) => `\`${field}\``)
      .join(', ');
  return table(
    ['fields of `User`', 'anyone', 'the user', '`users:read`, `users:write`'],
    [
      [fieldsFor('anyone'), 'yes', 'yes', 'yes'],
      [fieldsFor('staff'), 'null', 'null', 'yes'],
      ['all other fields', 'null', 'yes', 'yes'],
    ],
  );
}

/** Who may call which query or mutation, from the table that the access checks use. */
function operationsTable(): string {
  const rows = Object.entries(operations).map(([name, { anyone, scope, self, ownProfile }]) => {
    const holders = [self && 'the user', ownProfile && 'people for themselves', scope && `\`${scope}\``]
      .filter(Boolean)
      .join(', ');
    return [`\`${name}\``, anyone ? 'anyone, also without a token' : holders || 'any valid token'];
  });
  return table(['query or mutation', 'who may call it'], rows);
}

/** The metrics of this service, without the default ones of Node.js. */
function metricsTable(): string {
  const metrics = createMetrics().registry.getMetricsAsArray() as unknown as Array<{
    name: string;
    type: string;
    help: string;
    labelNames: string[];
  }>;
  const rows = metrics
    .filter(({ name }) => name.startsWith('user_service_'))
    .map(({ name, type, help, labelNames }) => {
      const labels = labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``);
      return [`\`${name}\``, type, labels.join(' '), help];
    });
  return table(['metric', 'kind', 'labels', 'meaning'], rows);
}

/** The alert rules with their pages of the runbook. */
function alertsTable(): string {
  const { groups } = parse(readFileSync('deploy/prometheus/user-service.rules.yaml', 'utf8')) as {
    groups: { rules: { alert: string; labels: { severity: string }; annotations: { summary: string } }[] }[];
  };
  const rows = groups.flatMap(({ rules }) =>
    rules.map(({ alert, labels, annotations }) => [
      `[${alert}](runbook/${alert}.md)`,
      labels.severity,
      annotations.summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '`$1`'),
    ]),
  );
  return table(['alert', 'severity', 'meaning'], rows);
}

/** Returns the expected text of the file. Throws when its markers are missing. */
function expected({ file, marker, print }: Generated, present: string): string {
  if (marker === undefined) return print();
  const [begin, end] = [`<!-- ${marker} -->\n`, `<!-- /${marker} -->`];
  const from = present.indexOf(begin) + begin.length;
  const to = present.indexOf(end, from);
  if (!present.includes(begin) || to < 0) throw new Error(`${file} lacks ${begin.trim()} … ${end}`);
  return present.slice(0, from) + print() + present.slice(to);
}

/** Returns the first line where two texts differ, for a message. */
function firstDifference(present: string, wanted: string): string {
  const [old, fresh] = [present.split('\n'), wanted.split('\n')];
  const line = fresh.findIndex((text, index) => text !== old[index]);
  const at = line < 0 ? fresh.length : line;
  return `line ${at + 1}\n  is:     ${old[at] ?? '(nothing)'}\n  should: ${fresh[at] ?? '(nothing)'}`;
}

/** Returns the generated parts that differ from the committed ones, in these files and folders or in all. */
export function findOutdated(paths: string[]): Array<{ file: string; present: string; wanted: string }> {
  return generatedParts
    .filter(({ file }) => paths.length === 0 || paths.some((path) => `${file}/`.startsWith(`${path}/`)))
    .flatMap((generated) => {
      const { file } = generated;
      const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
      const wanted = expected(generated, present);
      return present === wanted ? [] : [{ file, present, wanted }];
    });
}

function main(args: string[]): void {
  const paths = args.filter((arg) => !arg.startsWith('--'));
  if (args.includes('--write')) {
    // One at a time: a file may have two printed parts.
    for (let [first] = findOutdated(paths); first; [first] = findOutdated(paths)) {
      mkdirSync(dirname(first.file), { recursive: true });
      writeFileSync(first.file, first.wanted);
    }
    for (const file of strayCatalogFiles(catalog)) rmSync(file);
    return;
  }
  for (const { file, present, wanted } of findOutdated(paths)) {
    process.stdout.write(`${file} is not what the code says, ${firstDifference(present, wanted)}\n`);
    process.exitCode = 1;
  }
  for (const file of paths.includes('catalog') ? strayCatalogFiles(catalog) : []) {
    process.stdout.write(`${file} is not printed any more\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1]?.endsWith('generated-files.ts')) main(process.argv.slice(2));
