import type { GraphQLResolveInfo } from 'graphql';
import type { Values } from './coercion';
import type { FieldPlan, ObjectPlan, PlannedInfo, ValuePlan } from './query-plan';

type Output = Record<string, unknown>;

/**
 * Returns the data of a planned query, as `execute` of graphql-js does for a query without errors.
 *
 * All objects of one selection are handled together, field by field: access is decided once for each object, properties
 * are copied without a promise, and resolvers of one field are called in the same tick, so that loaders batch them.
 *
 * Rejects whenever graphql-js would report an error. The error itself is not meant for clients: the caller runs the
 * query with graphql-js.
 */
export function runQuery(plan: ObjectPlan, context: object, variables: Values): Promise<Output> {
  return new Promise((resolve, reject) => {
    const data: Output = { ...plan.template };
    const run = new QueryRun(context, variables, () => resolve(data), reject);
    run.start(plan, data);
  });
}

class QueryRun {
  private pending = 0;
  private hasFailed = false;

  constructor(
    private readonly context: object,
    private readonly variables: Values,
    private readonly succeed: () => void,
    private readonly fail: (error: unknown) => void,
  ) {}

  start(plan: ObjectPlan, data: Output): void {
    this.wait([undefined], (sources) => this.completeObjects(plan, sources, [data]));
  }

  /** Calls `then` with the values, when those that are promises have resolved. */
  private wait(values: readonly unknown[], then: (settled: readonly unknown[]) => void): void {
    this.pending += 1;
    const stop = (error: unknown) => this.stop(error);
    const [value] = values;
    if (values.length === 1 && isPromise(value)) value.then((settled) => this.proceed([settled], then), stop);
    else if (values.some(isPromise)) Promise.all(values).then((settled) => this.proceed(settled, then), stop);
    else this.proceed(values, then);
  }

  private proceed(settled: readonly unknown[], then: (settled: readonly unknown[]) => void): void {
    if (this.hasFailed) return;
    try {
      then(settled);
    } catch (error) {
      this.stop(error);
      return;
    }
    this.pending -= 1;
    if (this.pending === 0) this.succeed();
  }

  private stop(error: unknown): void {
    this.hasFailed = true;
    this.fail(error);
  }

  private completeObjects(plan: ObjectPlan, sources: readonly unknown[], outputs: readonly Output[]): void {
    const shown = plan.filter && this.filter(plan.filter, sources);
    for (const [at, field] of plan.fields.entries()) {
      if (!shown) this.completeField(field, sources, outputs);
      else {
        const visible = (_: unknown, index: number) => shown[index]?.[at] !== false;
        this.completeField(field, sources.filter(visible), outputs.filter(visible));
      }
    }
  }

  /** Returns which fields each object shows, or null if all objects show all of them. */
  private filter(filter: NonNullable<ObjectPlan['filter']>, sources: readonly unknown[]) {
    const shown = sources.map((source) => filter(source, this.context));
    return shown.every((it) => it === null) ? null : shown;
  }

  private completeField(field: FieldPlan, sources: readonly unknown[], outputs: readonly Output[]): void {
    const { key, resolve, value } = field;
    if (sources.length === 0) return;
    const assign = (values: readonly unknown[]) => {
      const completed = this.complete(value, values, field);
      for (let at = 0; at < outputs.length; at += 1) (outputs[at] as Output)[key] = completed[at];
    };
    if (!resolve && value.kind === 'leaf') {
      for (let at = 0; at < sources.length; at += 1)
        (outputs[at] as Output)[key] = completeLeaf(value, (sources[at] as Values)[field.name]);
      return;
    }
    if (field.resolveList) {
      const args = field.argumentsOf(this.variables);
      const lists = field.resolveList(sources, args, this.context, field.info);
      this.wait([lists], ([values]) => assign(values as readonly unknown[]));
    } else if (resolve) this.wait(this.resolveField(field, resolve, sources), assign);
    else
      this.wait(
        sources.map((source) => (source as Values)[field.name]),
        assign,
      );
  }

  private resolveField(
    { argumentsOf, info }: FieldPlan,
    resolve: NonNullable<FieldPlan['resolve']>,
    sources: readonly unknown[],
  ): unknown[] {
    const args = argumentsOf(this.variables);
    const fullInfo = this.infoOf(info);
    return sources.map((source) => resolve(source, args, this.context, fullInfo));
  }

  private infoOf(planned: PlannedInfo): GraphQLResolveInfo {
    // Copied property by property: a spread is many times slower.
    return {
      fieldName: planned.fieldName,
      fieldNodes: planned.fieldNodes,
      returnType: planned.returnType,
      parentType: planned.parentType,
      path: planned.path,
      schema: planned.schema,
      fragments: planned.fragments,
      rootValue: planned.rootValue,
      operation: planned.operation,
      variableValues: this.variables,
    } as GraphQLResolveInfo;
  }

  /** Returns the response data of values. The objects in it are completed when this run succeeds. */
  private complete(plan: ValuePlan, values: readonly unknown[], field: FieldPlan): unknown[] {
    switch (plan.kind) {
      case 'leaf':
        return values.map((value) => completeLeaf(plan, value));
      case 'list':
        return this.completeLists(plan, values, field);
      case 'object': {
        const { object } = plan;
        return this.completeByPlan(plan, values, () => object);
      }
      case 'abstract': {
        const { type, objects } = plan;
        const info = this.infoOf(field.info);
        return this.completeByPlan(plan, values, (value) => {
          const object = objects.get(type.resolveType?.(value, this.context, info, type) as string);
          if (!object) throw new Error(`a value of ${type.name} has no known type`);
          return object;
        });
      }
    }
  }

  private completeByPlan(
    plan: ValuePlan,
    values: readonly unknown[],
    planOf: (value: unknown) => ObjectPlan,
  ): unknown[] {
    const byPlan = new Map<ObjectPlan, { sources: unknown[]; outputs: Output[] }>();
    const completed = values.map((value) => {
      if (isAbsent(plan, value)) return null;
      const object = planOf(value);
      const output: Output = { ...object.template };
      let group = byPlan.get(object);
      if (!group) byPlan.set(object, (group = { sources: [], outputs: [] }));
      group.sources.push(value);
      group.outputs.push(output);
      return output;
    });
    for (const [object, { sources, outputs }] of byPlan) this.completeObjects(object, sources, outputs);
    return completed;
  }

  private completeLists(
    plan: ValuePlan & { kind: 'list' },
    values: readonly unknown[],
    field: FieldPlan,
  ): unknown[] {
    const items: unknown[] = [];
    const lists = values.map((value) => {
      if (isAbsent(plan, value)) return null;
      if (!Array.isArray(value)) throw new Error(`${field.name} did not return an array`);
      for (const item of value) items.push(item);
      return [...value];
    });
    this.wait(items, (settled) => {
      const completed = this.complete(plan.item, settled, field);
      let at = 0;
      for (const list of lists) {
        if (!list) continue;
        for (let index = 0; index < list.length; index += 1) list[index] = completed[at++];
      }
    });
    return lists;
  }
}

function completeLeaf(plan: ValuePlan & { kind: 'leaf' }, value: unknown): unknown {
  if (isAbsent(plan, value)) return null;
  const serialized = plan.serialize(value);
  if (serialized === undefined || serialized === null) throw new Error('a leaf has no serialized value');
  return serialized;
}

/**
 * True for a value that is absent.
 *
 * @throws an Error that stands for a value, and an Error for an absent value of a type that is not nullable
 */
function isAbsent({ isNonNull }: ValuePlan, value: unknown): boolean {
  if (value instanceof Error) throw value;
  if (value !== null && value !== undefined) return false;
  if (isNonNull) throw new Error('a field that is not nullable has no value');
  return true;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}
