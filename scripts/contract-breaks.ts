import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { graphBreaks } from './graph-breaks';
import { type ContractMessage, readMessages, readSchemas } from './message-contract';
import { schemaBreaks } from './schema-breaks';

/** Where the last released contract is kept: what others rely on. */
export const releasedFolder = 'contract/released';
export const graphFile = 'schema.graphql';

/** What breaks between the released contract in a checkout and the present one, one sentence each. */
export function contractBreaks(checkout: string): string[] {
  const released = join(checkout, releasedFolder);
  const current = join(checkout, 'contract');
  if (!existsSync(released)) return [`${releasedFolder} is missing: nothing says what others rely on`];
  const served = readSchemas(current);
  return [
    ...messageBreaks(readMessages(released), readMessages(current)),
    ...[...readSchemas(released).keys()]
      .filter((path) => !served.has(path))
      .map((path) => `${path} is not served any more`),
    ...graphBreaks(
      readFileSync(join(released, graphFile), 'utf8'),
      readFileSync(join(checkout, graphFile), 'utf8'),
    ),
  ];
}

/** What whoever relies on the released messages cannot rely on any more. */
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
      ...schemaBreaks(before.action, before.headers, after.headers, `${name} headers`),
      ...schemaBreaks(before.action, before.payload, after.payload, name),
    ];
  });
}
