# The multi-platform index of the tag. Update both together: docker buildx imagetools inspect node:24-bookworm-slim
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY .swcrc ./
COPY src ./src
COPY migrations ./migrations
RUN npm run build

# The subgraphs `reviews` and `orders` of compose.yaml, with demo data.
FROM build AS neighbours
ENV HOST=0.0.0.0
COPY scripts/run.cjs scripts/typescript.cjs ./scripts/
COPY supergraph ./supergraph
USER node
ENTRYPOINT ["node", "scripts/run.cjs", "supergraph/neighbour.ts"]

# The optional dependencies, embedded PostgreSQL and GraphiQL, are for development.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
 && npm pkg delete devDependencies optionalDependencies \
 && npm sbom --sbom-format cyclonedx > sbom.cdx.json

FROM ${NODE_IMAGE}
# Without the limit V8 lets garbage grow to twice the memory on a large machine.
ENV NODE_ENV=production HOST=0.0.0.0 NODE_OPTIONS=--max-old-space-size=384
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=dependencies /app/sbom.cdx.json ./
COPY --from=build /app/dist ./dist
COPY package.json ./
COPY bin ./bin
COPY contract/schemas ./contract/schemas
RUN ln -s /app/bin/user-service.js /usr/local/bin/user-service
USER node
EXPOSE 4001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4001}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["user-service"]
CMD ["serve"]
# docker build --build-arg REVISION="$(git rev-parse HEAD)" --build-arg CREATED="$(date -u +%FT%TZ)" .
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="user-service" \
      org.opencontainers.image.description="The customers of an e-commerce platform: a federated GraphQL subgraph on PostgreSQL, Redis and RabbitMQ" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
