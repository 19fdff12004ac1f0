/** A position in a trace, in W3C's form: `00-<trace id>-<span id>-<flags>`. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The W3C trace context of a `traceparent` header; null where there is none, or one that W3C calls invalid. */
export function readTraceparent(header: unknown): string | null {
  return typeof header === 'string' && traceparent.test(header) ? header : null;
}
