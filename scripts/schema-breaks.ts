import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from './message-contract';

/** Keywords for readers, which validate nothing. */
const annotations = [
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'examples',
  'default',
  'deprecated',
];
/** Keywords that `plainRefusals` compares by separate rules. */
const understood = ['type', 'enum', 'const', 'properties', 'required', 'items', 'additionalProperties'];
const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];
const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];

export interface SchemaChange {
  readonly action: 'send' | 'receive';
  readonly released: JsonSchema;
  readonly current: JsonSchema;
}

/**
 * Returns what a change of a schema breaks, one sentence each.
 *
 * A sent message is written by the current schema and read by the released one; a received message the other way
 * round. In both directions no named property or enum value may disappear.
 */
export function schemaBreaks({ action, released, current }: SchemaChange, at: string): string[] {
  const refused = action === 'send' ? refusals(current, released, at) : refusals(released, current, at);
  return [...new Set([...removals(released, current, at), ...refused])];
}

/** Returns the removed properties and enum values. */
function removals(released: JsonSchema, current: JsonSchema, at: string): string[] {
  const before = propertiesOf(released);
  const after = propertiesOf(current);
  const removed = Object.entries(before).flatMap(([name, schema]) => {
    const present = after[name];
    if (present === undefined) return [`${at}.${name} was removed`];
    return removals(schema, present, `${at}.${name}`);
  });
  if (released.items && current.items) removed.push(...removals(released.items, current.items, `${at}[]`));
  const values = valuesOf(current);
  const gone = values ? (valuesOf(released) ?? []).filter((value) => !includes(values, value)) : [];
  return [...removed, ...gone.map((value) => `${at}: the value ${JSON.stringify(value)} was removed`)];
}

/** Returns why `read` may refuse a value that is valid by `written`; empty when it accepts all of them. */
function refusals(written: JsonSchema, read: JsonSchema, at: string): string[] {
  return alternativesOf(written).flatMap((form) => {
    const candidates = alternativesOf(read).map((alternative) => plainRefusals(form, alternative, at));
    // When every alternative refuses, the one with the fewest reasons explains best.
    return candidates.reduce((least, reasons) => (reasons.length < least.length ? reasons : least));
  });
}

function plainRefusals(written: JsonSchema, read: JsonSchema, at: string): string[] {
  const reasons: string[] = [];
  const types = typesOf(read);
  const writtenTypes = typesOf(written);
  if (types && !writtenTypes?.every((type) => types.includes(type))) {
    reasons.push(
      `${at}: was or becomes ${writtenTypes?.join(' or ') ?? 'anything'}, read as ${types.join(' or ')}`,
    );
  }
  const values = valuesOf(read);
  const unknown = values && valuesOf(written)?.filter((value) => !includes(values, value));
  if (values && !unknown) reasons.push(`${at}: only some values are read now`);
  for (const value of unknown ?? [])
    reasons.push(`${at}: the value ${JSON.stringify(value)} is not expected`);
  for (const name of read.required ?? []) {
    if (!written.required?.includes(name)) reasons.push(`${at}.${name} is required by the reader`);
  }
  if (read.additionalProperties === false) {
    const extra = Object.keys(written.properties ?? {}).filter((name) => !read.properties?.[name]);
    for (const name of extra) reasons.push(`${at}.${name} is not expected: the schema is closed`);
    if (written.additionalProperties !== false) reasons.push(`${at}: only one side is closed`);
  }
  for (const [name, schema] of Object.entries(read.properties ?? {})) {
    const property = written.properties?.[name];
    if (property) reasons.push(...refusals(property, schema, `${at}.${name}`));
  }
  if (read.items) reasons.push(...refusals(written.items ?? {}, read.items, `${at}[]`));
  for (const [keyword, limit] of Object.entries(read)) {
    if (annotations.includes(keyword) || understood.includes(keyword)) continue;
    if (!keepsWithin(keyword, written[keyword], limit)) {
      reasons.push(`${at}: ${keyword} ${JSON.stringify(limit)} refuses some of what is written`);
    }
  }
  return reasons;
}

/** True when every value that the writer's keyword allows satisfies the reader's keyword. */
function keepsWithin(keyword: string, written: unknown, limit: unknown): boolean {
  if (lowerBounds.includes(keyword)) return typeof written === 'number' && written >= (limit as number);
  if (upperBounds.includes(keyword)) return typeof written === 'number' && written <= (limit as number);
  return isDeepStrictEqual(written, limit);
}

/** Returns the schema as alternatives without allOf, anyOf and oneOf: a value is valid by one of them. */
function alternativesOf({ allOf = [], anyOf, oneOf, ...own }: JsonSchema): JsonSchema[] {
  const choices = [
    ...allOf.map((part) => [part]),
    ...[anyOf, oneOf].filter((choice) => choice !== undefined),
  ];
  return choices.reduce<JsonSchema[]>(
    (forms, choice) => {
      const parts = choice.flatMap(alternativesOf);
      return forms.flatMap((form) => parts.map((part) => both(form, part)));
    },
    [own],
  );
}

/** @throws Error when both have the same keyword with different values, which this comparison does not support */
function both(one: JsonSchema, other: JsonSchema): JsonSchema {
  const merged: JsonSchema = { ...one };
  for (const [keyword, value] of Object.entries(other)) {
    if (keyword === 'required') merged.required = [...(one.required ?? []), ...(value as string[])];
    else if (keyword === 'properties') {
      const properties = { ...one.properties };
      for (const [name, schema] of Object.entries(value as Record<string, JsonSchema>)) {
        const present = properties[name];
        properties[name] = present ? { allOf: [present, schema] } : schema;
      }
      merged.properties = properties;
    } else if (!annotations.includes(keyword)) {
      if (keyword in one && !isDeepStrictEqual(one[keyword], value)) {
        throw new Error(`${keyword} has two values in one schema: its own and that of a part`);
      }
      merged[keyword] = value;
    }
  }
  return merged;
}

function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  return Object.assign({}, ...alternativesOf(schema).map(({ properties }) => properties));
}

function valuesOf(schema: JsonSchema): unknown[] | undefined {
  return 'const' in schema ? [schema.const] : schema.enum;
}

/** Returns the accepted types. A reader of numbers also accepts integers. */
function typesOf({ type }: JsonSchema): string[] | undefined {
  const types = typeof type === 'string' ? [type] : type;
  return types?.includes('number') ? [...types, 'integer'] : types;
}

function includes(values: unknown[], value: unknown): boolean {
  return values.some((it) => isDeepStrictEqual(it, value));
}
