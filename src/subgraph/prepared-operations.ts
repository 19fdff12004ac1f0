import { type DocumentNode, type GraphQLSchema, Kind, type OperationDefinitionNode, visit } from 'graphql';
import { LRUCache } from 'lru-cache';
import { type Values, variablesOf } from './coercion';
import { hasStringLiteral } from './document-store';
import { type ObjectPlan, planQuery } from './query-plan';
import { runQuery } from './query-run';

/** Characters of the queries that are kept; routers send a few hundred different ones. */
const maxCharacters = 300_000;
const maxTextLength = 10_000;

/** Plans by the number of the query and its conditions. */
type Plans = LRUCache<string, { readonly plan: ObjectPlan | null }>;

/** Each plan counts as long as the text of its query. */
const createPlans = (): Plans => new LRUCache({ maxSize: maxCharacters });

/** A query that passed parsing, validation and the limits. */
export class PreparedOperation {
  private readonly conditions: readonly string[];
  private readonly coerce: (inputs: Values) => Values | undefined;

  constructor(
    private readonly schema: GraphQLSchema,
    readonly document: DocumentNode,
    readonly operation: OperationDefinitionNode,
    private readonly number = 0,
    private readonly plans = createPlans(),
  ) {
    this.conditions = conditionsOf(document);
    this.coerce = variablesOf(schema, operation);
  }

  /**
   * Returns the data, or null if the query has to run through parsing, validation and `execute` of graphql-js.
   *
   * Rejects whenever graphql-js would report an error. The error itself is not meant for clients: the caller runs the
   * query with graphql-js.
   */
  async run(context: object, inputs: Values): Promise<unknown> {
    const variables = this.coerce(inputs);
    if (!variables) return null;
    const plan = this.planFor(variables);
    return plan && runQuery(plan, context, variables);
  }

  private planFor(variables: Values): ObjectPlan | null {
    const key = [this.number, ...this.conditions.map((name) => variables[name] === true)].join();
    let planned = this.plans.get(key);
    if (!planned) {
      const { document, operation } = this;
      planned = { plan: planQuery(this.schema, { document, operation, variables }) };
      this.plans.set(key, planned, { size: document.loc?.source.body.length ?? maxTextLength });
    }
    return planned.plan;
  }
}

/**
 * Queries that ran without errors before, by their text. A text is prepared when it arrives for the second time.
 *
 * Only queries without string literals are kept, so that no personal data stays in memory with the text.
 */
export class PreparedOperations {
  private readonly seen = new LRUCache<string, true>({
    maxSize: maxCharacters,
    sizeCalculation: (_, key) => key.length,
  });
  private readonly prepared = new LRUCache<string, PreparedOperation>({
    maxSize: maxCharacters,
    sizeCalculation: (_, key) => key.length,
  });
  private readonly plans = createPlans();
  private registered = 0;

  constructor(private readonly schema: GraphQLSchema) {}

  /** Returns the prepared query, or undefined if the text has to go through parsing and validation. */
  find(text: string, operationName: string | null | undefined): PreparedOperation | undefined {
    return this.prepared.get(keyOf(text, operationName));
  }

  /** Registers a query that parsing, validation and the limits accepted, and that ran without errors. */
  register(
    text: string,
    operationName: string | null | undefined,
    document: DocumentNode,
    operation: OperationDefinitionNode,
  ): void {
    const key = keyOf(text, operationName);
    if (this.prepared.has(key) || !canBePrepared(text, document, operation)) return;
    if (!this.seen.has(key)) {
      this.seen.set(key, true);
      return;
    }
    this.seen.delete(key);
    this.registered += 1;
    this.prepared.set(
      key,
      new PreparedOperation(this.schema, document, operation, this.registered, this.plans),
    );
  }
}

/** The length in front keeps a name and a text from having the key of another pair. */
function keyOf(text: string, operationName: string | null | undefined): string {
  return operationName == null ? `-${text}` : `${operationName.length}:${operationName}${text}`;
}

function canBePrepared(text: string, document: DocumentNode, operation: OperationDefinitionNode): boolean {
  if (operation.operation !== 'query' || text.length > maxTextLength) return false;
  let accepted = !hasStringLiteral(document);
  visit(document, {
    Field: ({ name, alias }) => {
      if (name.value.startsWith('__') && name.value !== '__typename') accepted = false;
      // Assigning to `__proto__` would set no property.
      if (alias?.value.startsWith('__')) accepted = false;
    },
    [Kind.DIRECTIVE]: ({ name }) => {
      if (name.value !== 'skip' && name.value !== 'include') accepted = false;
    },
  });
  return accepted;
}

/** Returns the names of the variables that decide which fields are selected. */
function conditionsOf(document: DocumentNode): string[] {
  const names = new Set<string>();
  visit(document, {
    [Kind.DIRECTIVE]: (directive) => {
      for (const { value } of directive.arguments ?? [])
        if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}
