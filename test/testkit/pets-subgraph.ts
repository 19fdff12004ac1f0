import DataLoader from 'dataloader';
import { execute, GraphQLError, type GraphQLSchema, parse } from 'graphql';
import {
  Arg,
  createUnionType,
  Directive,
  Extensions,
  Field,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  registerEnumType,
} from 'type-graphql';
import { buildFederatedSchema, type FederatedSchemaOptions } from '../../src/subgraph/federation';
import { oneByOne } from './one-by-one';

enum Mood {
  Calm = 'calm',
  Wild = 'wild',
}
registerEnumType(Mood, {
  name: 'Mood',
  description: 'How it feels.',
  valuesConfig: { Calm: { description: 'Calm.' }, Wild: { description: 'Wild.' } },
});

@Directive('@key(fields: "id")')
@ObjectType({ description: 'A pet.' })
class Pet {
  @Field(() => ID, { description: 'Which pet.' })
  id: string;

  @Extensions({ access: 'owner' })
  @Field(() => Mood, { nullable: true, description: 'Its mood.' })
  mood?: Mood;

  @Field(() => Int, { nullable: true, description: 'Its age.', deprecationReason: 'Pets do not age.' })
  age?: number;
}

@Directive('@key(fields: "id", resolvable: false)')
@ObjectType({ description: 'A house, which another subgraph knows.' })
class House {
  @Field(() => ID, { description: 'Which house.' })
  id: string;
}

const Thing = createUnionType({
  name: 'Thing',
  description: 'Pet or house.',
  types: () => [Pet, House] as const,
});

@Resolver()
class PetResolver {
  @Query(() => Pet, { nullable: true, description: 'Finds a pet.' })
  pet(@Arg('id', () => ID, { description: 'Which pet.' }) id: string): Pet {
    return Object.assign(new Pet(), { id, mood: Mood.Calm });
  }

  @Query(() => Thing, { nullable: true, description: 'Anything.' })
  anything(): Pet {
    return Object.assign(new Pet(), { id: '1' });
  }

  @Query(() => [Pet], { description: 'All pets.' })
  all(
    @Arg('first', () => Int, { nullable: true, description: 'How many.' }) _first: number | null,
    @Arg('after', () => ID, { nullable: true, description: 'After which.' }) _after: string | null,
  ): Pet[] {
    return [];
  }

  @Mutation(() => Boolean, { description: 'Strokes all pets.' })
  stroke(): boolean {
    return true;
  }
}

export type PetContext = { pets: DataLoader<string, object | null>; seen: string[] };

/** A small subgraph of pets with one of each construct that `buildFederatedSchema` must handle. */
export const petOptions: FederatedSchemaOptions<PetContext> = {
  resolvers: [PetResolver],
  directives: {
    Mood: ['@tag(name: "public")'],
    'Mood.Wild': ['@inaccessible'],
    Thing: ['@tag(name: "public")'],
  },
  references: {
    Pet: oneByOne(async ({ id }, { pets, seen }) => {
      if (id === 'throws') throw new GraphQLError('This pet bites.');
      seen.push(String(id));
      return pets.load(String(id));
    }),
  },
  maxRepresentations: 5,
};

/** Builds the subgraph of pets; `more` overrides its options. */
export function buildPets(more: Partial<FederatedSchemaOptions<PetContext>> = {}): GraphQLSchema {
  return buildFederatedSchema<PetContext>({ ...petOptions, ...more });
}

/** Runs an operation. `batches` are the ids of each batch of the loader. */
export async function askPets(source: string, representations?: unknown[], schema = buildPets()) {
  const batches: (readonly string[])[] = [];
  const shared = Object.freeze({ id: 'frozen', mood: 'wild' });
  const pets = new DataLoader<string, object | null>(async (ids) => {
    batches.push(ids);
    return ids.map((id) => (id === 'none' ? null : id === 'frozen' ? shared : { id, mood: 'calm' }));
  });
  const contextValue = { pets, seen: [] as string[] };
  const result = await execute({
    schema,
    document: parse(source),
    variableValues: { r: representations },
    contextValue,
  });
  return { ...result, batches, seen: contextValue.seen };
}
