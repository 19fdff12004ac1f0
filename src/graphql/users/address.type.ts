import { Field, ObjectType } from 'type-graphql';

@ObjectType('Address', { simpleResolvers: true, description: 'A postal address.' })
export class AddressType {
  @Field(() => String, { nullable: true, description: 'Street and house number.' })
  street: string | null;

  @Field(() => String, { nullable: true, description: 'City or town.' })
  city: string | null;

  @Field(() => String, { nullable: true, description: 'State, province or region.' })
  state: string | null;

  @Field(() => String, { nullable: true, description: 'Postal code.' })
  postalCode: string | null;

  @Field(() => String, { nullable: true, description: 'Country.' })
  country: string | null;
}
