import { DirectiveLocation, GraphQLDirective, type GraphQLSchema } from 'graphql';
import {
  Arg,
  Directive,
  Field,
  FieldResolver,
  Float,
  ID,
  Int,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { buildFederatedSchema } from '../../../src/subgraph/federation';
import { oneByOne } from '../one-by-one';

// Schema and data are those of Apollo's subgraph compatibility suite.

@ObjectType({ description: 'A variation of a product.' })
class ProductVariation {
  @Field(() => ID)
  id: string;
}

@Directive('@shareable')
@ObjectType({ description: 'How big and heavy a product is.' })
class ProductDimension {
  @Field(() => String, { nullable: true })
  size?: string;

  @Field(() => Float, { nullable: true })
  weight?: number;

  @Directive('@inaccessible')
  @Field(() => String, { nullable: true })
  unit?: string;
}

@ObjectType({ description: 'A study.' })
class CaseStudy {
  @Field(() => ID)
  caseNumber: string;

  @Field(() => String, { nullable: true })
  description?: string;
}

@Directive('@key(fields: "study { caseNumber }")')
@ObjectType({ description: 'Research on a product.' })
class ProductResearch {
  @Field(() => CaseStudy)
  study: CaseStudy;

  @Field(() => String, { nullable: true })
  outcome?: string | null;
}

@Directive('@extends')
@Directive('@key(fields: "email")')
@ObjectType({ description: 'Who made a product.' })
class User {
  @Directive('@requires(fields: "totalProductsCreated yearsOfEmployment")')
  @Field(() => Int, { nullable: true })
  averageProductsCreatedPerYear?: number | null;

  @Directive('@external')
  @Field(() => ID)
  email: string;

  @Directive('@override(from: "users")')
  @Field(() => String, { nullable: true })
  name?: string;

  @Directive('@external')
  @Field(() => Int, { nullable: true })
  totalProductsCreated?: number | undefined;

  @Directive('@external')
  @Field(() => Int)
  yearsOfEmployment: number;
}

@Directive('@key(fields: "sku package")')
@ObjectType({ description: 'A product of the past.' })
class DeprecatedProduct {
  @Field(() => String)
  sku: string;

  @Field(() => String)
  package: string;

  @Field(() => String, { nullable: true })
  reason?: string;

  @Field(() => User, { nullable: true })
  createdBy?: User;
}

@Directive('@custom')
@Directive('@key(fields: "id")')
@Directive('@key(fields: "sku package")')
@Directive('@key(fields: "sku variation { id }")')
@ObjectType({ description: 'A product.' })
class Product {
  @Field(() => ID)
  id: string;

  @Field(() => String, { nullable: true })
  sku?: string;

  @Field(() => String, { nullable: true })
  package?: string;

  @Field(() => ProductVariation, { nullable: true })
  variation?: ProductVariation;

  @Field(() => ProductDimension, { nullable: true })
  dimensions?: ProductDimension;

  @Directive('@provides(fields: "totalProductsCreated")')
  @Field(() => User, { nullable: true })
  createdBy?: User;

  @Directive('@tag(name: "internal")')
  @Field(() => String, { nullable: true })
  notes?: string;

  @Field(() => [ProductResearch])
  research: ProductResearch[];
}

@Directive('@interfaceObject')
@Directive('@key(fields: "id")')
@ObjectType({ description: 'Something in stock.' })
class Inventory {
  @Field(() => ID)
  id: string;

  @Field(() => [DeprecatedProduct])
  deprecatedProducts: DeprecatedProduct[];
}

const jane: User = {
  email: 'support@apollographql.com',
  name: 'Jane Smith',
  totalProductsCreated: 1337,
  yearsOfEmployment: 10,
};
const research: ProductResearch[] = [
  { study: { caseNumber: '1234', description: 'Federation Study' }, outcome: null },
  { study: { caseNumber: '1235', description: 'Studio Study' }, outcome: null },
];
const dimensions: ProductDimension = { size: 'small', weight: 1, unit: 'kg' };
const products: Product[] = [
  {
    id: 'apollo-federation',
    sku: 'federation',
    package: '@apollo/federation',
    variation: { id: 'OSS' },
    dimensions,
    createdBy: jane,
    research: research.slice(0, 1),
  },
  {
    id: 'apollo-studio',
    sku: 'studio',
    package: '',
    variation: { id: 'platform' },
    dimensions,
    createdBy: jane,
    research: research.slice(1),
  },
];
const deprecated: DeprecatedProduct = {
  sku: 'apollo-federation-v1',
  package: '@apollo/federation-v1',
  reason: 'Migrate to Federation V2',
  createdBy: jane,
};

@Resolver(() => User)
class UserResolver {
  @FieldResolver(() => Int, { nullable: true })
  averageProductsCreatedPerYear(@Root() user: User): number | null {
    if (typeof user.totalProductsCreated !== 'number') return null;
    return Math.round(user.totalProductsCreated / user.yearsOfEmployment);
  }
}

@Resolver()
class ProductsResolver {
  @Query(() => Product, { nullable: true })
  product(@Arg('id', () => ID) id: string): Product | undefined {
    return products.find((product) => product.id === id);
  }

  @Query(() => DeprecatedProduct, { nullable: true, deprecationReason: 'Use product query instead' })
  deprecatedProduct(
    @Arg('sku', () => String) sku: string,
    @Arg('package', () => String) packageName: string,
  ): DeprecatedProduct | null {
    return sku === deprecated.sku && packageName === deprecated.package ? deprecated : null;
  }
}

const nested = (value: unknown, name: string) => (value as Record<string, unknown> | undefined)?.[name];

/** The products subgraph of Apollo's compatibility suite, built by `buildFederatedSchema`. */
export function buildProductsSchema(): GraphQLSchema {
  return buildFederatedSchema({
    resolvers: [ProductsResolver, UserResolver],
    orphanedTypes: [Inventory],
    linkVersion: 'v2.7',
    links: [{ url: 'https://myspecs.dev/myCustomDirective/v1.0', import: ['@custom'] }],
    composed: [new GraphQLDirective({ name: 'custom', locations: [DirectiveLocation.OBJECT] })],
    references: {
      Product: oneByOne(
        async ({ id, sku, package: packageName, variation }) =>
          products.find((product) =>
            id !== undefined
              ? product.id === id
              : product.sku === sku &&
                (product.package === packageName || product.variation?.id === nested(variation, 'id')),
          ) ?? null,
      ),
      DeprecatedProduct: oneByOne(async ({ sku, package: packageName }) =>
        sku === deprecated.sku && packageName === deprecated.package ? deprecated : null,
      ),
      ProductResearch: oneByOne(
        async ({ study }) =>
          research.find((one) => one.study.caseNumber === nested(study, 'caseNumber')) ?? null,
      ),
      User: oneByOne(async ({ email, totalProductsCreated, yearsOfEmployment }) =>
        email === jane.email
          ? Object.assign(new User(), jane, { totalProductsCreated, yearsOfEmployment })
          : null,
      ),
      Inventory: oneByOne(async ({ id }) => ({
        id,
        deprecatedProducts: id === 'apollo-oss' ? [deprecated] : [],
      })),
    },
  });
}
