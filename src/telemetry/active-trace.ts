import { AsyncLocalStorage } from 'node:async_hooks';
import type { SpanAttributes, Tracing } from './tracing';

interface ActiveTrace {
  readonly tracing: Tracing;
  /** W3C traceparent of the span that calls belong to. */
  parent: string | null;
}

export interface TracedCall {
  readonly name: string;
  readonly attributes: SpanAttributes;
}

const active = new AsyncLocalStorage<ActiveTrace>();

/** Runs work whose calls of backing services get spans. Without tracing it only runs the work. */
export function runInTrace<T>(tracing: Tracing | null, parent: string | null, work: () => T): T {
  return tracing ? active.run({ tracing, parent }, work) : work();
}

/** Makes the spans of later calls in the current trace children of this span. */
export function setActiveParent(traceparent: string): void {
  const trace = active.getStore();
  if (trace) trace.parent = traceparent;
}

/**
 * Returns the result of a call, and records a span for it in the current trace. `describe` is not called outside one.
 *
 * A call that serves several requests, such as that of a loader, belongs to the trace of the first.
 */
export function traceCall<Result>(describe: () => TracedCall, call: () => Result): Result {
  const trace = active.getStore();
  if (!trace) return call();
  const span = trace.tracing.startSpan({ ...describe(), kind: 'client', parent: trace.parent });
  const end = (failed: boolean) => span.end({ failed, attributes: {} });
  const result = call();
  if (result instanceof Promise)
    result.then(
      () => end(false),
      () => end(true),
    );
  else end(false);
  return result;
}
