import { type ProgrammableServer, startProgrammableServer } from './programmable-server';

/** The AuthenticationService's credential API: accepts everything until the test says otherwise. */
export function startAuthenticationService(): Promise<ProgrammableServer> {
  return startProgrammableServer({ status: 204 });
}
