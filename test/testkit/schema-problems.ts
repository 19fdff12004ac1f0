import Ajv from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { JsonSchema } from '../../scripts/message-contract';

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true });
addFormats(ajv);
// ajv-formats has no idn-email.
ajv.addFormat('idn-email', /^[^\s@]+@[^\s@]+\.[^\s@]+$/u);
const validators = new Map<string, ReturnType<typeof ajv.compile>>();

/**
 * Validates a value against a JSON Schema (2020-12, strict, formats included). Returns one line per problem.
 *
 * @throws if the schema is invalid
 */
export function problemsBySchema({ $id: _id, ...schema }: JsonSchema, value: unknown): string[] {
  const key = JSON.stringify(schema);
  const validate = validators.get(key) ?? ajv.compile(schema);
  validators.set(key, validate);
  return validate(value)
    ? []
    : (validate.errors ?? []).map((it) => `${it.instancePath || '/'} ${it.message}`);
}
