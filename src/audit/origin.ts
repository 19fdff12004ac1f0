import type { Actor } from '../authentication/actor';

/** The actor and the request behind an action. */
export interface Origin {
  /** null for a request with a confirmation token only. */
  readonly actor: Actor | null;
  /** W3C trace context of the request, copied into the event. */
  readonly traceparent: string | null;
}
