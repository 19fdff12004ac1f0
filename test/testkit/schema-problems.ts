import Ajv from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { JsonSchema } from '../../scripts/message-contract';

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true });
addFormats(ajv);
// The library has no format for addresses with letters of any script.
ajv.addFormat('idn-email', /^[^\s@]+@[^\s@]+\.[^\s@]+$/u);
const validators = new Map<string, ReturnType<typeof ajv.compile>>();

/**
 * What a value has against a JSON Schema (2020-12, strict, formats included), one line each.
 *
 * @throws when the schema itself is wrong
 */
export function problemsBySchema({ $id: _id, ...schema }: JsonSchema, value: unknown): string[] {
  const key = JSON.stringify(schema);
  const validate = validators.get(key) ?? ajv.compile(schema);
  validators.set(key, validate);
  return validate(value)
    ? []
    : (validate.errors ?? []).map((it) => `${it.instancePath || '/'} ${it.message}`);
}
