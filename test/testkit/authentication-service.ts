import { type ProgrammableServer, startProgrammableServer } from './programmable-server';

/** Starts a stand-in for the AuthenticationService's credential API. It accepts everything by default. */
export function startAuthenticationService(): Promise<ProgrammableServer> {
  return startProgrammableServer({ status: 204 });
}
