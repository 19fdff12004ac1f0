import type { Actor } from './authentication/actor';
import { createRouterProof } from './authentication/router-proof';
import { createTokenVerifier, type TokenVerifier } from './authentication/token-verifier';
import type { BackingServices } from './backing-services';
import type { Config } from './config';
import { actorOf } from './graphql/access/actor-of';
import { AuditedReads } from './graphql/access/audited-reads';
import type { GraphqlContext } from './graphql/context';
import { RequestLateReads, recordChanges } from './graphql/late-reads';
import { createLoaders } from './graphql/loaders';
import { countMutations, measureEntities } from './graphql/metrics-plugin';
import { AuditTrailResolver } from './graphql/privacy/audit-trail.resolver';
import { ErasureScheduleResolver } from './graphql/privacy/erasure-schedule.resolver';
import { PrivacyResolver } from './graphql/privacy/privacy.resolver';
import { createSchema } from './graphql/schema';
import { createGraphqlServer, type GraphqlServer } from './graphql/server';
import { ExternalIdsResolver } from './graphql/users/external-ids.resolver';
import { PhoneVerificationResolver } from './graphql/users/phone-verification.resolver';
import { UnsubscribeUrlResolver } from './graphql/users/unsubscribe-url.resolver';
import { UserResolver } from './graphql/users/user.resolver';
import { UserActivityResolver } from './graphql/users/user-activity.resolver';
import { UserCommerceResolver } from './graphql/users/user-commerce.resolver';
import { UserEmailPreferencesResolver } from './graphql/users/user-email-preferences.resolver';
import { UserHistoryResolver } from './graphql/users/user-history.resolver';
import { UserListResolver } from './graphql/users/user-list.resolver';
import { UserMutationsResolver } from './graphql/users/user-mutations.resolver';
import { isTooLarge } from './http/graphql.route';
import type { HttpRequest } from './http/http-request';
import { readMessageSchemas } from './http/message-schemas';
import { createHttpServer, type HttpServer } from './http/server';
import { LateReadSources } from './late-read-sources';
import { isDatabaseUnavailable } from './postgres/database-unavailable';
import type { Services } from './services';
import { ErrorBudget } from './subgraph/error-budget';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';

/** The largest request body, in bytes. */
const bodyLimitBytes = 256 * 1024;

export interface DoorsOptions {
  readonly config: Config;
  readonly backing: BackingServices;
  readonly services: Services;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Names of parts that do not work while requests are still served. */
  readonly degraded: () => string[];
}

/** The start of links to this service: PUBLIC_URL, or in development the address on which HTTP listens. */
export class LinkBase {
  private url: string | null;
  private warned = false;

  constructor(private readonly options: Pick<Config, 'publicUrl' | 'production'> & { log: Logger }) {
    this.url = options.publicUrl;
  }

  /** Sets the address of the listener, which PUBLIC_URL takes precedence over. */
  listensOn(url: string): void {
    // In production the address is that of a container, which no mail program reaches.
    if (!this.options.production) this.url ??= url.replace(/\/\/(0\.0\.0\.0|\[::\]):/, '//127.0.0.1:');
  }

  /** Returns null, and logs one warning, if PUBLIC_URL is missing in production. */
  get(): string | null {
    if (this.url === null && !this.warned) {
      this.options.log.warn('PUBLIC_URL is not set: unsubscribeUrl is null');
      this.warned = true;
    }
    return this.url;
  }
}

/** Creates and starts the GraphQL server. */
export async function startGraphql(
  { config, backing, services, metrics, log }: DoorsOptions,
  links: LinkBase,
): Promise<GraphqlServer> {
  const schema = createSchema(
    [
      new UserResolver(services.users),
      new UserListResolver(),
      new UserMutationsResolver(
        services.userService,
        services.ownProfiles,
        services.emailPreferences,
        services.emailVerification,
      ),
      new UserEmailPreferencesResolver(),
      new ExternalIdsResolver(services.externalIds),
      new PhoneVerificationResolver(services.phoneVerification),
      new UnsubscribeUrlResolver(services.unsubscribeLinks, () => links.get()),
      new UserHistoryResolver(),
      new PrivacyResolver({
        erasures: services.erasures,
        scheduledErasures: services.scheduledErasures,
        holds: services.legalHolds,
        exports: services.userDataExport,
      }),
      new ErasureScheduleResolver(),
      new UserActivityResolver(),
      new UserCommerceResolver(),
      new AuditTrailResolver(services.auditTrail, services.pastProfiles),
    ],
    { maxRepresentations: config.limits.representations, recentSignInFor: config.recentSignInFor },
  );
  const graphql = createGraphqlServer({
    schema: measureEntities(countMutations(recordChanges(schema), metrics), metrics),
    limits: config.limits,
    metrics,
    accessLog: services.accessLog,
    log,
    tracing: backing.tracing,
    suggestNames: !config.production,
    // Without invalidation a cached profile is wrong until it expires.
    cacheControl: config.routerInvalidation
      ? { maxAgeSeconds: 60, tagged: true }
      : { maxAgeSeconds: 5, tagged: false },
    isTooLarge,
    isUnavailable: isDatabaseUnavailable,
  });
  await graphql.apollo.start();
  return graphql;
}

/** Creates the HTTP server with the GraphQL server in it. It does not listen yet. */
export async function createHttp(
  { config, backing, services, metrics, log, degraded }: DoorsOptions,
  { apollo, preparedReads }: GraphqlServer,
): Promise<HttpServer> {
  const { databases, broker, tracing } = backing;
  const { verifier, issueDevelopmentToken } = await openVerifier(config, log);
  metrics.watchDependency('keys', () => verifier.status() === 'ready');
  const loaders = createLoaders(services);
  const lateReads = new LateReadSources({
    primary: databases.requests,
    replicas: backing.replicas,
    positions: backing.recordCache,
  });
  const isFrozen = (userId: string) => services.users.isFrozen(userId);
  const actors = new WeakMap<HttpRequest, Promise<Actor | null>>();
  const identify = (request: HttpRequest) => {
    if (request.headers.authorization === undefined) return null;
    let actor = actors.get(request);
    if (!actor) {
      actor = actorOf(verifier, request.headers.authorization);
      actors.set(request, actor);
    }
    return actor;
  };
  return createHttpServer<GraphqlContext>({
    apollo,
    respondToQuery: (body, createContext) => preparedReads.respond(body, createContext),
    concurrency: config.concurrency,
    // An invalid token is reported when the context is created.
    actorId: (request) =>
      identify(request)?.then(
        (actor) => actor?.id ?? null,
        () => null,
      ) ?? null,
    context: async (request) => {
      const actor = await identify(request);
      return {
        actor,
        requestId: request.id,
        traceparent: request.traceparent,
        loaders,
        lateReads: new RequestLateReads(lateReads, actor),
        reads: new AuditedReads(actor),
        errors: new ErrorBudget(),
        entityIds: null,
        isFrozen,
        deadline: request.deadline,
      };
    },
    routerProof: createRouterProof(config.routerSecrets),
    readiness: async () => {
      await databases.requests.ping();
      const ready = Object.values(databases).every((pool) => pool.isConnected);
      return { ready, degraded: [...degraded(), ...(verifier.status() === 'degraded' ? ['keys'] : [])] };
    },
    metrics,
    log,
    tracing,
    addExplorer: config.production ? undefined : await explorerRoute(config),
    publishDevelopmentEvent:
      config.production || config.amqpUrl !== null
        ? undefined
        : async (event) => void (await broker.publish({ ...event, body: Buffer.from(event.body) })),
    issueDevelopmentToken: config.production ? undefined : issueDevelopmentToken,
    unsubscribe: { links: services.unsubscribeLinks, isUnavailable: isDatabaseUnavailable },
    managementPort: config.managementPort,
    bodyLimitBytes,
    logRequests: config.logRequests,
    schemas: await readMessageSchemas(),
  });
}

async function explorerRoute({ routerSecrets, authentication }: Config) {
  const { addExplorerRoute } = await import('./explorer/explorer');
  const options = { asksForRouterProof: routerSecrets.length > 0, issuesTokens: authentication === null };
  return (app: Parameters<typeof addExplorerRoute>[0]) => addExplorerRoute(app, options);
}

interface OpenedVerifier {
  readonly verifier: TokenVerifier;
  /** Absent when tokens come from the AuthenticationService. */
  readonly issueDevelopmentToken?: (request: { sub: string; scope: string }) => Promise<string>;
}

/** Verifies tokens of the AuthenticationService, or of the development issuer when none is configured. */
async function openVerifier({ authentication, dataDirectory }: Config, log: Logger): Promise<OpenedVerifier> {
  if (authentication) {
    const { jwksUrl, issuer, audience } = authentication;
    const keys = { jwksUrl: new URL(jwksUrl) };
    return { verifier: createTokenVerifier({ keys, issuer, audience, log }) };
  }
  const { openDevelopmentIssuer } = await import('./authentication/development-issuer');
  const { publicKey, issuer, audience, issueToken } = await openDevelopmentIssuer(dataDirectory);
  const verifier = createTokenVerifier({ keys: { developmentKey: publicKey }, issuer, audience, log });
  return { verifier, issueDevelopmentToken: issueToken };
}
