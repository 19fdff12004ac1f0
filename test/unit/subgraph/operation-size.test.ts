import { parse } from 'graphql';
import { measureOperations } from '../../../src/subgraph/operation-size';

it('measureOperations counts aliases below __schema, and their levels separately', () => {
  const document = parse('{ a: me { b: name } c: __schema { d: queryType { e: name } } }');
  expect([...measureOperations(document).values()]).toEqual([
    { aliases: 5, depth: 2, introspectionDepth: 3 },
  ]);
});
