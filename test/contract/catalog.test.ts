import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildSchema, isTypeDefinitionNode, parse as parseGraph, specifiedScalarTypes, visit } from 'graphql';
import { parse, parseAllDocuments } from 'yaml';
import { readMessages } from '../../scripts/message-contract';
import { personalDataMap } from '../../src/personal-data/personal-data-map';

const top = resolve(__dirname, '../..');
const read = (path: string) => readFileSync(join(top, path), 'utf8');

interface Pointer {
  readonly id: string;
  readonly version: string;
}
interface FrontMatter extends Pointer {
  readonly sends: Pointer[];
  readonly receives: Pointer[];
  readonly schemaPath?: string;
  readonly specifications: { readonly path: string }[];
}

/** Reads the front matter of a page of the catalog. */
function frontMatterOf(folder: string): FrontMatter {
  const [, text = ''] = /^---\n(.*?)^---\n/ms.exec(read(join('catalog', folder, 'index.mdx'))) ?? [];
  return parse(text) as FrontMatter;
}

const service = frontMatterOf('services/UserService');

describe('the catalog', () => {
  it('lists every message of the contract and every field of Query and Mutation', () => {
    const types = (action: string) =>
      [...readMessages(join(top, 'contract')).values()]
        .filter((it) => it.action === action)
        .map(({ type }) => type);
    const schema = buildSchema(read('catalog/services/UserService/schema.graphql'));
    const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.keys(type?.getFields() ?? {}),
    );
    const ids = (pointers: Pointer[]) => pointers.map(({ id }) => id).sort();
    expect(ids(service.sends)).toEqual([...new Set(types('send'))].sort());
    expect(ids(service.receives)).toEqual(
      [
        ...new Set(types('receive')),
        ...fields.map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`),
      ].sort(),
    );
  });

  it('has a page with a schema for each of them', () => {
    for (const { id, version } of [...service.sends, ...service.receives]) {
      const folder = ['events', 'commands', 'queries']
        .map((kind) => join(kind, id))
        .find((it) => existsSync(join(top, 'catalog', it)));
      const page = frontMatterOf(String(folder));
      expect(page).toMatchObject({ id, version });
      expect(existsSync(join(top, 'catalog', String(folder), String(page.schemaPath)))).toBe(true);
    }
    for (const { path } of service.specifications)
      expect(existsSync(join(top, 'catalog/services/UserService', path))).toBe(true);
  });

  it('has each type of an operation in its schema, or in the graph of the service to which its page links', () => {
    const graph = buildSchema(read('catalog/services/UserService/schema.graphql'));
    const operations = ['commands', 'queries'].flatMap((kind) =>
      readdirSync(join(top, 'catalog', kind)).map((id) => join('catalog', kind, id)),
    );
    expect(operations.length).toBeGreaterThan(20);
    for (const folder of operations) {
      const page = read(join(folder, 'index.mdx'));
      const document = parseGraph(read(join(folder, 'schema.graphql')));
      const defined = [
        ...document.definitions.filter(isTypeDefinitionNode).map(({ name }) => name.value),
        ...specifiedScalarTypes.map(({ name }) => name),
      ];
      const elsewhere = new Set<string>();
      visit(document, {
        NamedType: ({ name }) => void (defined.includes(name.value) || elsewhere.add(name.value)),
      });
      expect([...elsewhere].filter((name) => !graph.getType(name))).toEqual([]);
      const links = [...page.matchAll(/^See (.*) in the graph of \[\[service\|UserService\]\]\.$/gm)];
      const linked = links.flatMap(([, names = '']) => names.match(/\w+(?=`)/g) ?? []);
      expect([folder, linked.sort()]).toEqual([folder, [...elsewhere].sort()]);
    }
  });

  it('describes each table of the map of personal data', () => {
    const page = read('catalog/containers/UserServiceDatabase/index.mdx');
    expect(Object.keys(personalDataMap).filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });
});

describe('catalog-info.yaml', () => {
  it('refers to entities and files that are there', () => {
    const entities = parseAllDocuments(read('catalog-info.yaml')).map((document) => document.toJS() as any);
    const names = entities.map(({ kind, metadata }) => `${String(kind).toLowerCase()}:${metadata.name}`);
    const { providesApis, dependsOn } = entities[0].spec;
    expect(names).toEqual(
      expect.arrayContaining([...providesApis.map((name: string) => `api:${name}`), ...dependsOn]),
    );
    const files = entities.flatMap(({ spec }) => spec.definition?.['$text'] ?? []);
    expect(files).toHaveLength(2);
    expect(files.filter((file: string) => !existsSync(join(top, file)))).toEqual([]);
  });
});
