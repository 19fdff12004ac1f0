import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as documents from '@graphql-codegen/typed-document-node';
import * as operations from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';

const read = (path: string) => parse(readFileSync(join(__dirname, path), 'utf8'));

/** Writes `generated/operations.ts`: a type for each result and input, and a typed document for each operation. */
async function generate(): Promise<void> {
  const schema = read('../../schema.graphql');
  const text = await codegen({
    filename: 'operations.ts',
    // The link and the directives of federation concern routers only.
    schema: { ...schema, definitions: schema.definitions.filter(({ kind }) => kind !== 'SchemaExtension') },
    documents: [{ location: 'operations.graphql', document: read('operations.graphql') }],
    config: {
      documentMode: 'string',
      useTypeImports: true,
      strictScalars: true,
      scalars: { DateTime: 'string', Decimal: 'string', JSON: 'unknown' },
    },
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations, documents },
    skipDocumentsValidation: true,
  });
  mkdirSync(join(__dirname, 'generated'), { recursive: true });
  writeFileSync(join(__dirname, 'generated', 'operations.ts'), text);
}

void generate();
