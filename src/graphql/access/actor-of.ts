import { KeysUnavailableError, UnauthenticatedError } from '../../authentication/authentication.errors';
import type { TokenVerifier } from '../../authentication/token-verifier';
import { serviceUnavailable, unauthenticated } from '../../subgraph/errors';
import type { GraphqlContext } from '../context';

/**
 * Who calls, by the header.
 *
 * @throws UNAUTHENTICATED, or SERVICE_UNAVAILABLE while nobody can tell
 */
export async function actorOf(
  verifier: TokenVerifier,
  authorization: string | undefined,
): Promise<GraphqlContext['actor']> {
  try {
    return await verifier.verify(authorization);
  } catch (error) {
    if (error instanceof UnauthenticatedError) throw unauthenticated(error.message);
    if (error instanceof KeysUnavailableError) throw serviceUnavailable();
    throw error;
  }
}
