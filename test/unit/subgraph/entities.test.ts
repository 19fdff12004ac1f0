import { askPets, buildPets } from '../../testkit/pets-subgraph';

const entities =
  'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Pet { id mood } } }';
const pet = (id: string) => ({ __typename: 'Pet', id });

describe('_entities', () => {
  it('returns the entities in order from one batch', async () => {
    const { data, errors, batches } = await askPets(entities, [pet('1'), pet('none'), pet('2'), pet('1')]);
    expect(errors).toBeUndefined();
    expect(data?._entities).toEqual([
      { __typename: 'Pet', id: '1', mood: 'Calm' },
      null,
      { __typename: 'Pet', id: '2', mood: 'Calm' },
      { __typename: 'Pet', id: '1', mood: 'Calm' },
    ]);
    expect(batches).toEqual([['1', 'none', '2']]);
  });

  it.each([
    ['an unknown type', { __typename: 'Dragon', id: 'ada@example.com' }],
    ['a type that is not an entity', { __typename: 'Query' }],
    ['a name of Object.prototype', { __typename: 'constructor' }],
    ['no type', { id: '1' }],
    ['a string', 'ada@example.com'],
    ['an entity that is resolved by another subgraph', { __typename: 'House', id: '1' }],
  ])('returns an error at the item of %s only', async (_what, representation) => {
    const { data, errors } = await askPets(entities, [pet('1'), representation, pet('2')]);
    expect(data?.['_entities']).toMatchObject([{ id: '1' }, null, { id: '2' }]);
    expect(errors?.map(({ path, extensions }) => ({ path, code: extensions['code'] }))).toEqual([
      { path: ['_entities', 1], code: 'BAD_USER_INPUT' },
    ]);
    expect(errors?.[0]?.message).not.toContain('ada');
  });

  it('returns an error only at the item whose reference resolver rejects', async () => {
    const { data, errors } = await askPets(entities, [pet('1'), pet('throws'), pet('2')]);
    expect(data?.['_entities']).toMatchObject([{ id: '1' }, null, { id: '2' }]);
    expect(errors).toMatchObject([{ message: 'This pet bites.', path: ['_entities', 1] }]);
  });

  it('returns an error only at the item for which the reference resolver returns one', async () => {
    const schema = buildPets({
      references: {
        Pet: async (representations) =>
          representations.map(({ id }) => (id === 'fails' ? new Error('cannot be read') : { id })),
      },
    });
    const { data, errors } = await askPets(entities, [pet('fails'), pet('2')], schema);
    expect(data?._entities).toMatchObject([null, { id: '2' }]);
    expect(errors?.map(({ path }) => path)).toEqual([['_entities', 0]]);
  });

  it('returns an error at every item of a type whose reference resolver throws', async () => {
    const schema = buildPets({
      references: {
        Pet: () => {
          throw new Error('thrown synchronously');
        },
      },
    });
    const { errors } = await askPets(entities, [pet('1'), { __typename: 'Dragon' }, pet('2')], schema);
    expect(errors?.map(({ path, message }) => [path?.[1], message])).toEqual([
      [0, 'thrown synchronously'],
      [1, 'The __typename of the representation is not an entity of this service.'],
      [2, 'thrown synchronously'],
    ]);
  });

  it('does not modify the objects of a loader', async () => {
    const { data, errors } = await askPets(entities, [pet('frozen'), pet('frozen')]);
    expect(errors).toBeUndefined();
    expect(data?._entities).toEqual([
      { __typename: 'Pet', id: 'frozen', mood: 'Wild' },
      { __typename: 'Pet', id: 'frozen', mood: 'Wild' },
    ]);
  });

  it('refuses too many representations before resolving one', async () => {
    const { data, errors, seen } = await askPets(entities, [1, 2, 3, 4, 5, 6].map(String).map(pet));
    expect(data).toBeNull();
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'representations',
      maximum: 5,
    });
    expect(seen).toEqual([]);
  });
});
