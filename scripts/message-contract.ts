import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';

/** A JSON Schema, limited to the keywords of this contract. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  enum?: unknown[];
  const?: unknown;
  allOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  additionalProperties?: boolean;
  examples?: unknown[];
  [keyword: string]: unknown;
}

export interface MessageExample {
  name: string;
  headers?: Record<string, unknown>;
  payload: Record<string, unknown>;
}

/** One message of the AsyncAPI document, with its references resolved. */
export interface ContractMessage {
  /** The name of the event. One event may have several messages in different formats. */
  type: string;
  /** `send`: this service publishes the message; `receive`: it consumes the message. */
  action: 'send' | 'receive';
  exchange: string;
  routingKey: string;
  contentType: string;
  headers: JsonSchema;
  payload: JsonSchema;
  examples: MessageExample[];
}

interface Document {
  operations: Record<string, { action: 'send' | 'receive'; channel: Channel; messages: Message[] }>;
}
interface Channel {
  address: string;
  messages: Record<string, Message>;
  bindings: { amqp: { exchange: { name: string } } };
}
interface Message {
  name: string;
  contentType: string;
  headers?: JsonSchema;
  payload: JsonSchema;
  examples?: MessageExample[];
}

/**
 * Returns the messages of `asyncapi.yaml` in a folder by their names in the document.
 *
 * @throws Error for a reference without a target
 */
export function readMessages(folder: string): Map<string, ContractMessage> {
  const { operations } = readResolved(join(folder, 'asyncapi.yaml')) as Document;
  const messages = new Map<string, ContractMessage>();
  for (const { action, channel, messages: used } of Object.values(operations)) {
    for (const [name, message] of Object.entries(channel.messages)) {
      if (!used.some((it) => JSON.stringify(it) === JSON.stringify(message))) continue;
      messages.set(name, {
        type: message.name,
        action,
        exchange: channel.bindings.amqp.exchange.name,
        routingKey: channel.address,
        contentType: message.contentType,
        headers: message.headers ?? {},
        payload: message.payload,
        examples: message.examples ?? [],
      });
    }
  }
  return messages;
}

/** Returns the JSON Schemas in a folder's `schemas` by the URL path that serves them. */
export function readSchemas(folder: string): Map<string, JsonSchema> {
  const paths = readdirSync(join(folder, 'schemas'), { recursive: true, encoding: 'utf8' });
  return new Map(
    paths
      .filter((path) => path.endsWith('.json'))
      .sort()
      .map((path) => [
        `/schemas/${path}`,
        JSON.parse(readFileSync(join(folder, 'schemas', path), 'utf8')) as JsonSchema,
      ]),
  );
}

/** Reads a YAML or JSON file and replaces every `$ref`, within the file or to another file, by its target. */
function readResolved(path: string): unknown {
  const root: unknown = parse(readFileSync(path, 'utf8'));
  const resolve = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(resolve);
    if (typeof node !== 'object' || node === null) return node;
    if ('$ref' in node && typeof node.$ref === 'string') {
      const { $ref } = node;
      return $ref.startsWith('#') ? resolve(lookUp(root, $ref)) : withoutIdentity(join(dirname(path), $ref));
    }
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value)]));
  };
  return resolve(root);
}

/** Reads a schema for embedding: without `$id` and `$schema`, which belong to a document of its own. */
function withoutIdentity(path: string): unknown {
  const { $id: _id, $schema: _schema, ...schema } = readResolved(path) as JsonSchema;
  return schema;
}

function lookUp(root: unknown, pointer: string): unknown {
  return pointer
    .slice(2)
    .split('/')
    .reduce((node: unknown, key) => {
      const next = (node as Record<string, unknown> | undefined)?.[
        key.replaceAll('~1', '/').replaceAll('~0', '~')
      ];
      if (next === undefined) throw new Error(`${pointer} has no target`);
      return next;
    }, root);
}
