import { buildSubgraphSchema, type GraphQLResolverMap, printSubgraphSchema } from '@apollo/subgraph';
import {
  type ConstDirectiveNode,
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

/** What makes a subgraph of TypeGraphQL's classes. */
export interface FederatedSchemaOptions<Context>
  extends Pick<BuildSchemaOptions, 'resolvers' | 'container' | 'globalMiddlewares' | 'scalarsMap'> {
  readonly orphanedTypes?: Function[];
  /** One for each type with a `@key`. */
  readonly references: References<Context>;
  /** The version of the federation specification that is linked; composition libraries know up to v2.9. */
  readonly linkVersion?: string;
  /** As the setting says unless told. */
  readonly maxRepresentations?: number;
  /** Directives by the name of what they are put on: a field or enum value (`Type.name`), an enum, union or scalar (`Type`). */
  readonly directives?: Readonly<Record<string, readonly string[]>>;
  /** Specifications besides federation's, whose directives `composed` defines. */
  readonly links?: readonly { readonly url: string; readonly import: readonly string[] }[];
  /** Own directives that shall survive composition (`@composeDirective`). */
  readonly composed?: readonly GraphQLDirective[];
}

const federationDirectives = [
  'composeDirective',
  'extends',
  'external',
  'inaccessible',
  'interfaceObject',
  'key',
  'override',
  'provides',
  'requires',
  'shareable',
  'tag',
];

const sdlOfSchema = new WeakMap<GraphQLSchema, string>();

/**
 * Builds the executable subgraph: TypeGraphQL's schema with all its directives, `_service` answering the text of
 * `printFederatedSchema`, and `_entities` resolving item by item. Throws where an entity has no reference resolver.
 * It does not check that the schema composes with others.
 */
export function buildFederatedSchema<Context>(options: FederatedSchemaOptions<Context>): GraphQLSchema {
  const executable = buildSchemaSync({
    resolvers: options.resolvers,
    validate: false,
    ...(options.container && { container: options.container }),
    ...(options.globalMiddlewares && { globalMiddlewares: options.globalMiddlewares }),
    ...(options.scalarsMap && { scalarsMap: options.scalarsMap }),
    ...(options.orphanedTypes && { orphanedTypes: options.orphanedTypes }),
    ...(options.composed && { directives: [...options.composed] }),
  });
  const document = sorted(
    withDirectives(parse(printSubgraphSchema(executable), { noLocation: true }), options.directives ?? {}),
  );
  const typeDefs: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [...linksOf(document, options), ...document.definitions],
  };
  // The two libraries type the same resolver maps differently.
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

/** The text of a subgraph schema, as it is committed, published and answered by `_service`: links and own types, sorted. */
export function printFederatedSchema(schema: GraphQLSchema): string {
  const sdl = sdlOfSchema.get(schema);
  if (!sdl) throw new Error('This schema was not built by buildFederatedSchema.');
  return sdl;
}

/**
 * Adds directives that are no decorators, drops the schema definition, which says nothing, and
 * puts arguments in the order they are written in: decorators of parameters run from the last to the first.
 */
function withDirectives(document: DocumentNode, directives: Readonly<Record<string, readonly string[]>>) {
  const pending = new Set(Object.keys(directives));
  const add = <Node extends { readonly directives?: readonly ConstDirectiveNode[] }>(
    node: Node,
    name: string,
  ) => {
    if (!pending.delete(name)) return undefined;
    const added = (directives[name] ?? []).map((text) => parseDirective(text));
    return { ...node, directives: [...(node.directives ?? []), ...added] };
  };
  const result = visit(document, {
    SchemaDefinition: () => null,
    FieldDefinition: (node) => ({ ...node, arguments: node.arguments?.toReversed() ?? [] }),
    EnumTypeDefinition: {
      leave: (node) => {
        const values = node.values?.map(
          (value) => add(value, `${node.name.value}.${value.name.value}`) ?? value,
        );
        const full = { ...node, ...(values && { values }) };
        return add(full, node.name.value) ?? full;
      },
    },
    ObjectTypeDefinition: {
      leave: (node) => {
        const fields = node.fields?.map(
          (field) => add(field, `${node.name.value}.${field.name.value}`) ?? field,
        );
        return { ...node, ...(fields && { fields }) };
      },
    },
    UnionTypeDefinition: (node) => add(node, node.name.value),
    ScalarTypeDefinition: (node) => add(node, node.name.value),
  });
  if (pending.size > 0)
    throw new Error(`No such field, enum, value, union or scalar: ${[...pending].join(', ')}`);
  return result;
}

function parseDirective(text: string): ConstDirectiveNode {
  const [definition] = parse(`scalar Any ${text}`, { noLocation: true }).definitions;
  const directive = definition?.kind === Kind.SCALAR_TYPE_DEFINITION ? definition.directives?.[0] : undefined;
  if (!directive) throw new Error(`Not a directive: ${text}`);
  return directive;
}

// Which class a file imports first must not change the committed text: types by name, and the fields of the root
// types, which come from many files, by theirs. Fields of other types keep the order they are written in.
function sorted(document: DocumentNode): DocumentNode {
  const roots = ['Query', 'Mutation'];
  const nameOf = (node: DefinitionNode) => ('name' in node ? (node.name?.value ?? '') : '');
  const rank = (node: DefinitionNode) => {
    if (node.kind === Kind.DIRECTIVE_DEFINITION) return 0;
    return roots.includes(nameOf(node)) ? 1 + roots.indexOf(nameOf(node)) : 1 + roots.length;
  };
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const definitions = document.definitions
    .map((node) =>
      node.kind === Kind.OBJECT_TYPE_DEFINITION && roots.includes(node.name.value)
        ? { ...node, fields: [...(node.fields ?? [])].sort((a, b) => byName(a.name.value, b.name.value)) }
        : node,
    )
    .sort((a, b) => rank(a) - rank(b) || byName(nameOf(a), nameOf(b)));
  return { kind: Kind.DOCUMENT, definitions };
}

function linksOf<Context>(document: DocumentNode, options: FederatedSchemaOptions<Context>) {
  const composed = options.composed ?? [];
  const used = new Set<string>(composed.length > 0 ? ['composeDirective'] : []);
  visit(document, { Directive: ({ name }) => void used.add(name.value) });
  const federation = {
    url: `https://specs.apollo.dev/federation/${options.linkVersion ?? 'v2.9'}`,
    import: federationDirectives.filter((name) => used.has(name)).map((name) => `@${name}`),
  };
  const links = [federation, ...(options.links ?? [])].map(
    (link) => `@link(url: ${JSON.stringify(link.url)}, import: ${JSON.stringify(link.import)})`,
  );
  const kept = composed.map(({ name }) => `@composeDirective(name: "@${name}")`);
  return parse(['extend schema', ...links, ...kept].join(' '), { noLocation: true }).definitions;
}

// Building from text drops them, and access rules are read from them.
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

// What federation itself brings along comes without descriptions.
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
