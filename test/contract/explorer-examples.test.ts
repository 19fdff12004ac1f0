import { readFileSync } from 'node:fs';
import {
  buildSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  type VariableDefinitionNode,
  validate,
} from 'graphql';
import { explorerExamples } from '../../src/explorer/explorer-examples';

const sdl = readFileSync('schema.graphql', 'utf8').replace(/^extend schema @link.*$/m, '');
// Composition declares the directives of federation; the printed schema does not.
const schema = buildSchema(sdl, { assumeValidSDL: true });

const examples = explorerExamples.map(({ query, variables }) => {
  const document = parse(query);
  const operation = document.definitions[0] as OperationDefinitionNode;
  return { name: operation.name?.value, document, operation, variables: variables ?? {} };
});

describe('the explorer’s examples', () => {
  it.each(examples)(
    'contain the valid operation $name with its variables',
    ({ document, operation, variables }) => {
      expect(document.definitions).toHaveLength(1);
      expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
      const definitions = operation.variableDefinitions ?? ([] as VariableDefinitionNode[]);
      expect(getVariableValues(schema, definitions, variables).errors).toBeUndefined();
      const declared = definitions.map(({ variable }) => variable.name.value);
      expect(Object.keys(variables).sort()).toEqual(declared.sort());
    },
  );

  it('cover every query and every mutation once', () => {
    const shown = examples.flatMap(({ operation }) =>
      operation.selectionSet.selections.map((it) => (it.kind === Kind.FIELD ? it.name.value : '')),
    );
    const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.keys(type?.getFields() ?? {}),
    );
    expect(shown.sort()).toEqual(fields.filter((name) => !name.startsWith('_')).sort());
  });

  it('have different names, as these are the titles of the tabs', () => {
    const names = examples.map(({ name }) => name);
    expect(new Set(names).size).toBe(explorerExamples.length);
    expect(names).not.toContain(undefined);
  });
});
