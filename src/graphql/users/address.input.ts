import { Field, InputType } from 'type-graphql';

@InputType({
  description: 'A postal address. Omitted fields are empty. An address without any text counts as null.',
})
export class AddressInput {
  @Field(() => String, { nullable: true, description: 'Street and house number, at most 100 characters.' })
  street?: string | null;

  @Field(() => String, { nullable: true, description: 'City or town, at most 50 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'State, province or region, at most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'Postal code, at most 20 characters.' })
  postalCode?: string | null;

  @Field(() => String, { nullable: true, description: 'Country, at most 50 characters.' })
  country?: string | null;
}
