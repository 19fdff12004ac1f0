import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';

/** A JSON Schema, as far as this contract uses them: an object of keywords. */
export interface JsonSchema {
  type?: string | string[];
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

/** One message of the AsyncAPI document, with everything it refers to in place. */
export interface ContractMessage {
  /** The name of the event; one event may come as several messages, in different forms. */
  type: string;
  /** As this service sees it: `send` is published, `receive` is consumed. */
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
 * The messages of `asyncapi.yaml` in a folder, each under the name that the document gives it.
 *
 * @throws when something that is referred to is not there
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

/** The JSON Schemas in a folder's `schemas`, by the URL path they are served at. */
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

/** A YAML or JSON file in which every `$ref`, to itself or to a file beside it, is replaced by what it names. */
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

/** A schema that stands inside another one is no document of its own any more. */
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
      if (next === undefined) throw new Error(`${pointer} names nothing`);
      return next;
    }, root);
}
