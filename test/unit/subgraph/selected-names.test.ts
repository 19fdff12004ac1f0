import { buildSchema, type FieldNode, type FragmentDefinitionNode, Kind, parse } from 'graphql';
import { OperationFields } from '../../../src/subgraph/operation-fields';
import { selectedNames } from '../../../src/subgraph/selected-names';

const schema = buildSchema('type Query { users: User } type User { id: ID email: String friend: User }');

it('selectedNames returns the names below all fields that are merged, in fragments and at any depth', () => {
  const document = parse(`
    query { users { id ...F } ... on Query { users { friend { alias: email @skip(if: true) } } } }
    fragment F on User { friend { ...G } }
    fragment G on User { __typename }`);
  const [operation] = document.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
  const query = schema.getQueryType();
  if (!query) throw new Error('no type Query');
  const fields = new OperationFields(schema, { document, operation, variables: {} });
  const fieldNodes = fields.of(query, [operation.selectionSet]).get('users') as FieldNode[];
  const fragments = Object.fromEntries(
    document.definitions.flatMap((it) =>
      it.kind === Kind.FRAGMENT_DEFINITION ? [[it.name.value, it as FragmentDefinitionNode]] : [],
    ),
  );
  expect([...selectedNames({ fieldNodes, fragments })].sort()).toEqual([
    '__typename',
    'email',
    'friend',
    'id',
  ]);
});
