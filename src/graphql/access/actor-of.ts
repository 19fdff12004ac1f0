import { KeysUnavailableError, UnauthenticatedError } from '../../authentication/authentication.errors';
import type { TokenVerifier } from '../../authentication/token-verifier';
import { serviceUnavailable, unauthenticated } from '../../subgraph/errors';
import type { GraphqlContext } from '../context';

/**
 * Returns the caller that the Authorization header identifies, or null without a header.
 *
 * @throws UNAUTHENTICATED for an invalid token, SERVICE_UNAVAILABLE while the signing keys are unavailable
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
