/** W3C trace context: `00-<trace id>-<span id>-<flags>`. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Returns the W3C trace context of a `traceparent` header; null if it is absent or invalid. */
export function readTraceparent(header: unknown): string | null {
  return typeof header === 'string' && traceparent.test(header) ? header : null;
}

/** Returns the id of a trace that is recorded; null without one. */
export function sampledTraceId(valid: string | null): string | null {
  const [, traceId = null, , flags = ''] = valid?.split('-') ?? [];
  return Number.parseInt(flags, 16) & 1 ? traceId : null;
}
