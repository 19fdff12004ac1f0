import type { GraphQLSchema } from 'graphql';
import {
  Arg,
  Directive,
  Field,
  FieldResolver,
  Float,
  ID,
  InterfaceType,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { buildFederatedSchema } from '../../../src/subgraph/federation';
import { oneByOne } from '../one-by-one';

@Directive('@shareable')
@ObjectType()
class ProductDimension {
  @Field(() => String, { nullable: true })
  size?: string;

  @Field(() => Float, { nullable: true })
  weight?: number;
}

@ObjectType()
class DeliveryEstimates {
  @Field(() => String, { nullable: true })
  estimatedDelivery?: string;

  @Field(() => String, { nullable: true })
  fastestDelivery?: string;
}

@Directive('@extends')
@Directive('@key(fields: "id")')
@ObjectType()
class Product {
  @Directive('@external')
  @Field(() => ID)
  id: string;

  @Directive('@external')
  @Field(() => ProductDimension, { nullable: true })
  dimensions?: ProductDimension | undefined;
}

@Directive('@key(fields: "id")')
@InterfaceType({ resolveType: () => 'OpenSourceInventory' })
abstract class Inventory {
  @Field(() => ID)
  id: string;

  @Field(() => [Product])
  products: Product[];
}

@Directive('@key(fields: "id")')
@ObjectType({ implements: Inventory })
class OpenSourceInventory extends Inventory {}

const openSource: OpenSourceInventory = { id: 'apollo-oss', products: [{ id: 'apollo-federation' }] };

@Resolver(() => Product)
class DeliveryResolver {
  @Directive('@requires(fields: "dimensions { size weight }")')
  @FieldResolver(() => DeliveryEstimates, { nullable: true })
  delivery(
    @Root() { id, dimensions }: Product,
    @Arg('zip', () => String, { nullable: true }) zip?: string,
  ): DeliveryEstimates {
    if (
      id !== 'apollo-federation' ||
      dimensions?.size !== 'small' ||
      dimensions.weight !== 1 ||
      zip !== '94111'
    ) {
      throw new Error('The gateway did not send the required fields.');
    }
    return { estimatedDelivery: '5/1/2019', fastestDelivery: '5/1/2019' };
  }
}

@Resolver()
class InventoryResolver {
  @Query(() => Inventory, { nullable: true })
  inventory(@Arg('id', () => ID) id: string): Inventory | null {
    return id === openSource.id ? openSource : null;
  }
}

/** The inventory subgraph of Apollo's compatibility suite. */
export function buildInventorySchema(): GraphQLSchema {
  return buildFederatedSchema({
    resolvers: [InventoryResolver, DeliveryResolver],
    orphanedTypes: [OpenSourceInventory],
    linkVersion: 'v2.7',
    references: {
      OpenSourceInventory: oneByOne(async ({ id }) => (id === openSource.id ? openSource : null)),
      Product: oneByOne(async ({ id, dimensions }) => ({ id, dimensions })),
    },
  });
}
