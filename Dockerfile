# syntax=docker/dockerfile:1
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
# The lab, which no service runs, lies apart.
RUN npm run build && mv dist/lab lab && npm prune --omit=dev --no-audit --no-fund

FROM node:20.20.2-bookworm-slim AS service
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
USER node
EXPOSE 8080
# Every service answers it on ADMIN_HOST:ADMIN_PORT, without a token.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "const { ADMIN_HOST: host = '', ADMIN_PORT: port } = process.env; if (port === '0') process.exit(0); const name = ['', '0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host; fetch(`http://${name}:${port || 8080}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["run"]

# docker build --target lab: `rollcall sandbox` and `rollcall demo` as well.
FROM service AS lab
COPY --from=build /build/lab ./dist/lab

# The last target is what `docker build .` makes.
FROM service AS production
