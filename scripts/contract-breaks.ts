import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { graphBreaks } from './graph-breaks';
import { type ContractMessage, readMessages, readSchemas } from './message-contract';
import { schemaBreaks } from './schema-breaks';

/** The folder with the last released contract. */
export const releasedFolder = 'contract/released';
export const graphFile = 'schema.graphql';

/** Returns what the contract of a checkout breaks compared with its released one, one sentence each. */
export function contractBreaks(checkout: string): string[] {
  const released = join(checkout, releasedFolder);
  const current = join(checkout, 'contract');
  if (!existsSync(released))
    return [`${releasedFolder} is missing: there is no released contract to compare with`];
  const served = readSchemas(current);
  return [
    ...messageBreaks(readMessages(released), readMessages(current)),
    ...[...readSchemas(released).keys()]
      .filter((path) => !served.has(path))
      .map((path) => `${path} is no longer served`),
    ...graphBreaks(
      readFileSync(join(released, graphFile), 'utf8'),
      readFileSync(join(checkout, graphFile), 'utf8'),
    ),
  ];
}

/** Returns what the current messages break for producers and consumers of the released ones. */
function messageBreaks(
  released: Map<string, ContractMessage>,
  current: Map<string, ContractMessage>,
): string[] {
  return [...released].flatMap(([name, before]) => {
    const after = current.get(name);
    if (!after) return [`the message ${name} was removed`];
    const moved = (['action', 'exchange', 'routingKey', 'contentType', 'type'] as const)
      .filter((key) => before[key] !== after[key])
      .map((key) => `${name}: its ${key} was ${before[key]} and is ${after[key]}`);
    return [
      ...moved,
      ...schemaBreaks(
        { action: before.action, released: before.headers, current: after.headers },
        `${name} headers`,
      ),
      ...schemaBreaks({ action: before.action, released: before.payload, current: after.payload }, name),
    ];
  });
}
