import { readFileSync } from 'node:fs';
import {
  buildASTSchema,
  type GraphQLInputObjectType,
  type GraphQLObjectType,
  getNamedType,
  isLeafType,
  isRequiredArgument,
  parse,
} from 'graphql';

const schema = buildASTSchema(parse(readFileSync('schema.graphql', 'utf8')), { assumeValid: true });
const fieldsOf = <Type extends GraphQLObjectType | GraphQLInputObjectType>(name: string) =>
  Object.values((schema.getType(name) as Type).getFields()) as ReturnType<Type['getFields']>[string][];
const profileInputs = fieldsOf<GraphQLInputObjectType>('UpdateUserInput').filter(({ type }) =>
  ['String', 'AddressInput'].includes(getNamedType(type).name),
);

const leafFieldsOf = (type: string) =>
  fieldsOf<GraphQLObjectType>(type)
    .filter((field) => isLeafType(getNamedType(field.type)))
    .map(({ name }) => name);

/** The scalar and enumeration fields of `User`, from the printed schema. */
export const leafFields: readonly string[] = leafFieldsOf('User');

/** The scalar and enumeration fields of `UserProfile`. */
export const pastLeafFields: readonly string[] = leafFieldsOf('UserProfile');

/** Texts of a profile with a syntax of their own. */
const withSyntax = ['email', 'phoneNumber', 'locale', 'timeZone'];
/** The fields that `updateUser` does not clear. */
export const requiredFields = ['firstName', 'lastName', 'email', 'username'] as const;

/** The texts of a profile that may be any text. */
export const freeTexts: readonly string[] = profileInputs
  .filter(({ type }) => getNamedType(type).name === 'String')
  .map(({ name }) => name)
  .filter((name) => ![...withSyntax, 'idempotencyKey'].includes(name));

/** The fields that `updateUser` clears. */
export const clearableFields: readonly string[] = profileInputs
  .map(({ name }) => name)
  .filter((name) => ![...requiredFields, 'idempotencyKey'].includes(name));

const examples: Readonly<Record<string, unknown>> = {
  phoneNumber: '+441632960001',
  address: {
    street: '12 St James’s Square',
    city: 'London',
    state: null,
    postalCode: 'SW1Y 4JH',
    country: 'GB',
  },
  locale: 'en-GB',
  timeZone: 'Europe/London',
};

/** A value for every field that `updateUser` clears. */
export const exampleProfile: Readonly<Record<string, unknown>> = Object.fromEntries(
  clearableFields.map((name) => [name, examples[name] ?? `A ${name}`]),
);

/** The least and most characters of each free text and part of an address, from the printed descriptions. */
export const textLimits: readonly [path: string, minimum: number, maximum: number][] = [
  ...profileInputs
    .filter(({ name }) => freeTexts.includes(name))
    .map(({ name, description }) => limitsIn(name, description)),
  ...fieldsOf<GraphQLInputObjectType>('AddressInput').map(({ name, description }) =>
    limitsIn(`address.${name}`, description),
  ),
];

function limitsIn(path: string, description: string | null | undefined): [string, number, number] {
  const [, minimum = 1, maximum] = /(?:(\d+) to|at most) (\d+) characters/.exec(description ?? '') ?? [];
  if (maximum === undefined) throw new Error(`the description of ${path} has no limits`);
  return [path, Number(minimum), Number(maximum)];
}

/** A selection of each field of `User` that has no nested objects. Fields with required arguments are left out. */
export const selections: readonly string[] = fieldsOf<GraphQLObjectType>('User').flatMap(({ name, type }) => {
  if (isLeafType(getNamedType(type))) return [name];
  const parts = fieldsOf<GraphQLObjectType>(getNamedType(type).name);
  if (!parts.every((part) => isLeafType(getNamedType(part.type)))) return [];
  const selected = parts.filter(({ args }) => !args.some(isRequiredArgument)).map((part) => part.name);
  return [`${name} { ${selected.join(' ')} }`];
});
