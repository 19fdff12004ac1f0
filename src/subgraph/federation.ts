import { buildSubgraphSchema, type GraphQLResolverMap, printSubgraphSchema } from '@apollo/subgraph';
import {
  type DefinitionNode,
  type DocumentNode,
  type GraphQLDirective,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  print,
  visit,
} from 'graphql';
import { type BuildSchemaOptions, buildSchemaSync, createResolversMap } from 'type-graphql';
import { settings } from '../settings';
import { type References, resolveEntitiesWith } from './entities';
import { listSizesOf } from './list-sizes';
import { withDirectives } from './schema-directives';

/** Options of `buildFederatedSchema`. */
export interface FederatedSchemaOptions<Context>
  extends Pick<BuildSchemaOptions, 'resolvers' | 'container' | 'globalMiddlewares' | 'scalarsMap'> {
  readonly orphanedTypes?: Function[];
  /** One reference resolver for each type with a `@key`. */
  readonly references: References<Context>;
  /** Version of the linked federation specification. Defaults to v2.9, the newest that composition libraries accept. */
  readonly linkVersion?: string;
  /** Defaults to the default of `LIMIT_REPRESENTATIONS`. */
  readonly maxRepresentations?: number;
  /** Directives to add, by name of a field or enum value (`Type.name`) or of an enum, union or scalar (`Type`). */
  readonly directives?: Readonly<Record<string, readonly string[]>>;
  /** Further specifications, whose directives `composed` defines. */
  readonly links?: readonly { readonly url: string; readonly import: readonly string[] }[];
  /** Custom directives to keep in the supergraph (`@composeDirective`). */
  readonly composed?: readonly GraphQLDirective[];
}

const federationDirectives = [
  'composeDirective',
  'cost',
  'extends',
  'external',
  'inaccessible',
  'interfaceObject',
  'key',
  'listSize',
  'override',
  'provides',
  'requires',
  'shareable',
  'tag',
];

const defaultLinkVersion = 'v2.9';

const sdlOfSchema = new WeakMap<GraphQLSchema, string>();

/**
 * Returns the executable subgraph schema of TypeGraphQL classes.
 *
 * `_service` returns the text of `printFederatedSchema`, and `_entities` resolves each representation on its own. The
 * function does not check that the schema composes with other subgraphs.
 *
 * @throws Error if an entity has no reference resolver, or an element of `directives` does not exist
 */
export function buildFederatedSchema<Context>(options: FederatedSchemaOptions<Context>): GraphQLSchema {
  const executable = buildSchemaSync({
    resolvers: options.resolvers,
    validate: false,
    // The check executes an introspection query. Apollo Server validates the schema when it starts.
    skipCheck: true,
    ...(options.container && { container: options.container }),
    ...(options.globalMiddlewares && { globalMiddlewares: options.globalMiddlewares }),
    ...(options.scalarsMap && { scalarsMap: options.scalarsMap }),
    ...(options.orphanedTypes && { orphanedTypes: options.orphanedTypes }),
    ...(options.composed && { directives: [...options.composed] }),
  });
  const printed = parse(printSubgraphSchema(executable), { noLocation: true });
  const listSizes = definesListSize(options.linkVersion) ? listSizesOf(printed) : {};
  const document = sorted(withDirectives(printed, listSizes, options.directives ?? {}));
  const typeDefs: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [...linksOf(document, options), ...document.definitions],
  };
  // type-graphql and @apollo/subgraph declare different types for the same resolver map.
  const schema = buildSubgraphSchema([
    { typeDefs, resolvers: createResolversMap(executable) as GraphQLResolverMap },
  ]);
  copyExtensions(executable, schema);
  resolveEntitiesWith(
    schema,
    options.references,
    options.maxRepresentations ?? settings.LIMIT_REPRESENTATIONS.fallback,
  );
  const sdl = `${print(typeDefs)}\n`;
  sdlOfSchema.set(schema, sdl);
  const service = schema.getQueryType()?.getFields()._service;
  if (service) service.resolve = () => ({ sdl });
  describeFederation(schema);
  return schema;
}

/** Returns the SDL of a subgraph schema: its links and own types, sorted. `_service` and schema.graphql have this text. */
export function printFederatedSchema(schema: GraphQLSchema): string {
  const sdl = sdlOfSchema.get(schema);
  if (!sdl) throw new Error('The schema was not built by buildFederatedSchema.');
  return sdl;
}

// The order of imports must not change the SDL. So types are sorted by name, and so are the fields of the root types,
// which come from many files. Fields of other types keep their source order. In it TypeGraphQL puts inherited fields
// first, so required IDs and the required fields of an input are moved before them.
function sorted(document: DocumentNode): DocumentNode {
  const roots = ['Query', 'Mutation'];
  const nameOf = (node: DefinitionNode) => ('name' in node ? (node.name?.value ?? '') : '');
  const rank = (node: DefinitionNode) => {
    if (node.kind === Kind.DIRECTIVE_DEFINITION) return 0;
    return roots.includes(nameOf(node)) ? 1 + roots.indexOf(nameOf(node)) : 1 + roots.length;
  };
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const definitions = document.definitions
    .map((node) => {
      if (node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION)
        return { ...node, fields: withFirst(node.fields, ({ type }) => type.kind === Kind.NON_NULL_TYPE) };
      if (node.kind !== Kind.OBJECT_TYPE_DEFINITION) return node;
      if (roots.includes(node.name.value))
        return {
          ...node,
          fields: [...(node.fields ?? [])].sort((a, b) => byName(a.name.value, b.name.value)),
        };
      return { ...node, fields: withFirst(node.fields, ({ type }) => print(type) === 'ID!') };
    })
    .sort((a, b) => rank(a) - rank(b) || byName(nameOf(a), nameOf(b)));
  return { kind: Kind.DOCUMENT, definitions };
}

/** Returns the list with the elements that match before all others. */
function withFirst<T>(list: readonly T[] = [], matches: (element: T) => boolean): T[] {
  return [...list.filter(matches), ...list.filter((element) => !matches(element))];
}

function linksOf<Context>(document: DocumentNode, options: FederatedSchemaOptions<Context>) {
  const composed = options.composed ?? [];
  const used = new Set<string>(composed.length > 0 ? ['composeDirective'] : []);
  visit(document, { Directive: ({ name }) => void used.add(name.value) });
  const federation = {
    url: `https://specs.apollo.dev/federation/${options.linkVersion ?? defaultLinkVersion}`,
    import: federationDirectives.filter((name) => used.has(name)).map((name) => `@${name}`),
  };
  const links = [federation, ...(options.links ?? [])].map(
    (link) => `@link(url: ${JSON.stringify(link.url)}, import: ${JSON.stringify(link.import)})`,
  );
  const kept = composed.map(({ name }) => `@composeDirective(name: "@${name}")`);
  return parse(['extend schema', ...links, ...kept].join(' '), { noLocation: true }).definitions;
}

function definesListSize(linkVersion = defaultLinkVersion): boolean {
  return Number(/^v2\.(\d+)$/.exec(linkVersion)?.[1]) >= 9;
}

// Building a schema from SDL drops extensions, and access rules are read from them.
function copyExtensions(from: GraphQLSchema, to: GraphQLSchema): void {
  for (const source of Object.values(from.getTypeMap())) {
    const target = to.getType(source.name);
    if (!target || source.name.startsWith('__')) continue;
    target.extensions = { ...target.extensions, ...source.extensions };
    if (isEnumType(source) && isEnumType(target)) {
      for (const value of source.getValues()) copyOnto(target.getValue(value.name), value);
    } else if (isInputObjectType(source) && isInputObjectType(target)) {
      for (const field of Object.values(source.getFields())) copyOnto(target.getFields()[field.name], field);
    } else if (
      (isObjectType(source) && isObjectType(target)) ||
      (isInterfaceType(source) && isInterfaceType(target))
    ) {
      for (const field of Object.values(source.getFields())) {
        const copy = target.getFields()[field.name];
        copyOnto(copy, field);
        for (const arg of field.args)
          copyOnto(
            copy?.args.find(({ name }) => name === arg.name),
            arg,
          );
      }
    }
  }
}

type Extended = { extensions: Readonly<Record<string | symbol, unknown>> };

function copyOnto(target: Extended | undefined | null, source: Extended): void {
  if (target) target.extensions = { ...target.extensions, ...source.extensions };
}

// The elements that federation adds have no descriptions.
function describeFederation(schema: GraphQLSchema): void {
  const description = 'Part of the Apollo Federation subgraph specification.';
  const describe = (element: { description?: string | null | undefined }) => {
    element.description ??= description;
  };
  for (const directive of schema.getDirectives()) {
    if (!federationDirectives.includes(directive.name) && !/^(link$|federation__)/.test(directive.name))
      continue;
    describe(directive);
    directive.args.forEach(describe);
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (!/^(_Any|_Entity|_Service|link__.*|federation__.*)$/.test(type.name)) continue;
    describe(type);
    if (isObjectType(type)) Object.values(type.getFields()).forEach(describe);
    if (isEnumType(type)) type.getValues().forEach(describe);
  }
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    if (!field.name.startsWith('_')) continue;
    describe(field);
    field.args.forEach(describe);
  }
}
