import { validateSchema } from 'graphql';
import { Arg, Directive, Field, ID, InputType, ObjectType, Query, Resolver } from 'type-graphql';
import { printFederatedSchema } from '../../../src/subgraph/federation';
import { askPets, buildPets, petOptions } from '../../testkit/pets-subgraph';
import { undescribedElements } from '../../testkit/undescribed-elements';

@Directive('@key(fields: "id")')
@ObjectType()
class Mute {
  @Field(() => ID)
  id: string;
}

@Resolver()
class MuteResolver {
  @Query(() => Mute)
  mute(): Mute {
    return new Mute();
  }
}

@ObjectType()
abstract class Named {
  @Field(() => String, { nullable: true })
  name: string | null;
}

@InputType()
abstract class NameInput {
  @Field(() => String, { nullable: true })
  name?: string | null;
}

@Directive('@key(fields: "id")')
@ObjectType()
class Stable extends Named {
  @Field(() => Boolean)
  open: boolean;

  @Field(() => ID)
  id: string;
}

@InputType()
class StableInput extends NameInput {
  @Field(() => String, { nullable: true })
  city?: string | null;

  @Field(() => Boolean)
  open: boolean;
}

@Resolver()
class StableResolver {
  @Query(() => Stable)
  stable(@Arg('input', () => StableInput) { open }: StableInput): Stable {
    return Object.assign(new Stable(), { open });
  }
}

describe('buildFederatedSchema', () => {
  it('throws for an entity without a reference resolver', () => {
    expect(() => buildPets({ references: {} })).toThrow('The entity Pet has no reference resolver.');
  });

  it('throws for a reference resolver without an entity', () => {
    const references = { ...petOptions.references, Dragon: async () => [null] };
    expect(() => buildPets({ references })).toThrow('Dragon has a reference resolver but no @key.');
  });

  it('throws for directives on elements that do not exist', () => {
    expect(() => buildPets({ directives: { 'Mood.Sad': ['@tag(name: "x")'] } })).toThrow('Mood.Sad');
  });

  it('returns a valid schema whose resolvers, enums and unions work', async () => {
    expect(validateSchema(buildPets())).toEqual([]);
    const { data, errors } = await askPets(
      '{ pet(id: "7") { id mood } anything { ... on Pet { id } } all { id } }',
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({ pet: { id: '7', mood: 'Calm' }, anything: { id: '1' }, all: [] });
  });

  it('keeps extensions of fields', () => {
    const type = buildPets().getType('Pet');
    expect(type && 'getFields' in type && type.getFields().mood?.extensions).toMatchObject({
      access: 'owner',
    });
  });

  it('describes every element, including those of federation', () => {
    expect(undescribedElements(buildPets())).toEqual([]);
  });

  it('leaves elements without a description undescribed', () => {
    const schema = buildPets({
      resolvers: [MuteResolver],
      references: { Mute: async () => [null] },
      directives: {},
    });
    expect(undescribedElements(schema)).toEqual(['Query.mute', 'Mute', 'Mute.id']);
  });
});

const expectedSdl = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@inaccessible", "@key", "@listSize", "@tag"])

type Query {
  """All pets."""
  all(
    """How many."""
    first: Int
    """After which."""
    after: ID
  ): [Pet!]! @listSize(slicingArguments: ["first"], requireOneSlicingArgument: false)
  """Anything."""
  anything: Thing
  """Finds a pet."""
  pet(
    """Which pet."""
    id: ID!
  ): Pet
}

type Mutation {
  """Strokes all pets."""
  stroke: Boolean!
}

"""A house, which another subgraph knows."""
type House @key(fields: "id", resolvable: false) {
  """Which house."""
  id: ID!
}

"""How it feels."""
enum Mood @tag(name: "public") {
  """Calm."""
  Calm
  """Wild."""
  Wild @inaccessible
}

"""A pet."""
type Pet @key(fields: "id") {
  """Which pet."""
  id: ID!
  """Its mood."""
  mood: Mood
  """Its age."""
  age: Int @deprecated(reason: "Pets do not age.")
}

"""Pet or house."""
union Thing @tag(name: "public") = Pet | House
`;

describe('printFederatedSchema', () => {
  it('prints root types first, other types by name, and arguments in source order', () => {
    expect(printFederatedSchema(buildPets())).toBe(expectedSdl);
  });

  it('prints required IDs and the required fields of inputs before inherited fields', () => {
    const schema = buildPets({
      resolvers: [StableResolver],
      references: { Stable: async () => [null] },
      directives: {},
    });
    const sdl = printFederatedSchema(schema).replaceAll(/\s+/g, ' ');
    expect(sdl).toContain('{ id: ID! name: String open: Boolean! }');
    expect(sdl).toContain('input StableInput { open: Boolean! name: String city: String }');
  });

  it('prints the SDL that _service returns', async () => {
    const schema = buildPets();
    const { data } = await askPets('{ _service { sdl } }', undefined, schema);
    expect(data).toEqual({ _service: { sdl: printFederatedSchema(schema) } });
  });

  it('throws for a schema that buildFederatedSchema did not build', () => {
    expect(() => printFederatedSchema({} as never)).toThrow('not built by buildFederatedSchema');
  });
});
