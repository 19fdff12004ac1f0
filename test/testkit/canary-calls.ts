import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isUnionType,
} from 'graphql';
import type { TestApp } from './app';
import { canaries } from './canaries';
import { fieldNames, introspect } from './introspected';
import { toLiteral } from './json-values';
import { createUser } from './users';

/** Calls every operation of the schema, and `User.history`, with canaries as arguments. */
export class CanaryCalls {
  /** The bodies of all responses so far. */
  readonly bodies: string[] = [];
  private readonly userIds = new Map<string, string>();
  private values = 0;

  private constructor(
    private readonly app: TestApp,
    private readonly schema: GraphQLSchema,
  ) {}

  static async of(app: TestApp): Promise<CanaryCalls> {
    const calls = new CanaryCalls(app, await introspect(app));
    await calls.renewUsers();
    return calls;
  }

  /** Creates a user for each operation, so that one that deactivates its user does not affect the others. */
  async renewUsers(): Promise<void> {
    for (const name of this.operations) {
      const { id } = await createUser(this.app, { firstName: canaries.text });
      this.userIds.set(name, id);
    }
  }

  get operations(): string[] {
    const roots = ['Query', 'Mutation'].flatMap((root) => fieldNames(this.schema, root));
    return [...roots.filter((name) => name !== '_service'), 'history'];
  }

  /** Valid arguments of an operation. */
  argumentsOf(operation: string): Record<string, unknown> {
    const { args } = this.fieldOf(operation);
    return Object.fromEntries(args.map((arg) => [arg.name, this.validValue(arg.type, arg.name, operation)]));
  }

  /** Calls an operation with variables, or with literals if `inline`. Selects no user data. Returns the response body. */
  call(operation: string, args = this.argumentsOf(operation), inline = false): Promise<string> {
    return this.post(
      JSON.stringify({ query: this.textOf(operation, args, inline), variables: inline ? {} : args }),
    );
  }

  async post(body: string, headers: Record<string, string> = {}, path = '/graphql'): Promise<string> {
    const response = await fetch(this.app.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.app.staff}`, ...headers },
      body,
    });
    const text = await response.text();
    this.bodies.push(text);
    return text;
  }

  private fieldOf(name: string): GraphQLField<unknown, unknown> {
    const holder = ['Query', 'Mutation', 'User'].find((type) => fieldNames(this.schema, type).includes(name));
    const fields = (this.schema.getType(holder as string) as GraphQLObjectType).getFields();
    return fields[name] as GraphQLField<unknown, unknown>;
  }

  private validValue(type: GraphQLInputType, name: string, operation: string): unknown {
    const inner = getNullableType(type);
    if (isListType(inner)) return [this.validValue(inner.ofType, name, operation)];
    if (isEnumType(inner)) return inner.getValues()[0]?.name;
    if (isInputObjectType(inner)) {
      const fields = Object.values(inner.getFields()).filter((it) => it.name !== 'expectedVersion');
      return Object.fromEntries(fields.map((it) => [it.name, this.validValue(it.type, it.name, operation)]));
    }
    this.values += 1;
    const byName: Record<string, unknown> = {
      userId: operation === 'createUser' ? null : this.userIds.get(operation),
      email: `kanari.${this.values}@kanari-mail.example`,
      username: `kanari-${this.values}`,
      idempotencyKey: `kanari-key-${this.values}`,
      phoneNumber: canaries.phone,
      password: canaries.password,
      token: canaries.token,
      locale: 'en-GB',
      timeZone: 'Europe/Berlin',
      system: 'crm',
      currency: 'EUR',
      // `first` and `last` exclude each other.
      after: null,
      before: null,
      last: null,
    };
    if (name in byName) return byName[name];
    if (name === 'id' && inner.name === 'String') return `kanari-${this.values}`;
    const byType: Record<string, unknown> = {
      ID: this.userIds.get(operation),
      Int: 3,
      Boolean: true,
      Decimal: '12.5',
      DateTime: '2024-05-06T07:08:09Z',
      _Any: { __typename: 'User', id: this.userIds.get(operation), email: canaries.email },
    };
    return byType[inner.name] ?? canaries.text;
  }

  private textOf(operation: string, args: Record<string, unknown>, inline: boolean): string {
    const { args: declared, type } = this.fieldOf(operation);
    const list = (text: (arg: GraphQLArgument) => string) =>
      declared.length > 0 ? `(${declared.map(text).join(', ')})` : '';
    const given = list(({ name }) => `${name}: ${inline ? toLiteral(args[name]) : `$${name}`}`);
    const variables = inline ? '' : list((arg) => `$${arg.name}: ${String(arg.type)}`);
    const selected = `${operation}${given} { __typename ${errorSelection(getNamedType(type))} }`;
    const id = this.userIds.get('history');
    const whole = operation === 'history' ? `user(id: "${id}") { ${selected} }` : selected;
    const isMutation = fieldNames(this.schema, 'Mutation').includes(operation);
    return `${isMutation ? 'mutation' : 'query'} ${variables} { ${whole} }`;
  }
}

/** The selection of a union's expected errors. */
function errorSelection(type: ReturnType<typeof getNamedType>): string {
  if (!isUnionType(type)) return '';
  const hasFields = type.getTypes().some(({ name }) => name === 'InvalidInputError');
  return `... on UserError { message } ${hasFields ? '... on InvalidInputError { fields { path code message } }' : ''}`;
}
