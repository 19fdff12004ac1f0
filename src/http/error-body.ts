export interface ErrorExtensions {
  code: string;
  [name: string]: unknown;
}

/** The one shape of every error this door answers: GraphQL's, also where no operation was reached. */
export function errorBody(message: string, extensions: ErrorExtensions) {
  return { errors: [{ message, extensions }] };
}
