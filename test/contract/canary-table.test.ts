import { getNamedType, isInputObjectType } from 'graphql';
import { createSchema } from '../../src/graphql/schema';
import { canaryTable } from '../testkit/canary-table';

const schema = createSchema([]);

/** The names of all text arguments and text fields of input types, except federation's own. */
function textInputs(): string[] {
  const inputs = Object.values(schema.getTypeMap()).filter(isInputObjectType);
  const fields = inputs.flatMap((type) => Object.values(type.getFields()));
  const args = [schema.getQueryType(), schema.getMutationType()].flatMap((root) =>
    Object.values(root?.getFields() ?? {}).flatMap((field) => field.args),
  );
  const texts = [...fields, ...args].filter(({ type }) => getNamedType(type).name === 'String');
  return [...new Set(texts.map(({ name }) => name))];
}

describe('the canary table', () => {
  it('has a row for every text that the graph accepts', () => {
    const words = canaryTable.flatMap(({ value }) => value.split(/[ .]/));
    // `credentials-of-new-users.test.ts` searches for passwords.
    expect(textInputs().filter((name) => !words.includes(name))).toEqual(['password']);
  });

  it('names each value once, with where it enters', () => {
    const values = canaryTable.map(({ value }) => value);
    expect(new Set(values).size).toBe(values.length);
    expect(canaryTable.filter(({ entersBy }) => entersBy === '')).toEqual([]);
  });
});
