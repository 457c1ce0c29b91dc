FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/verifier/package.json packages/verifier/
# No package needs its install script here: argon2 contains its binaries, and the image has Node.js.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/node node_modules/.bin/node

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY prisma prisma
COPY scripts scripts
COPY src src
# The number instead of the name `node`, so that Kubernetes can verify runAsNonRoot.
USER 1000
EXPOSE 4000
# With METRICS_PORT set, another port serves metrics without authentication: publish it to the monitoring network only (docs/operations.md, Metrics).
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT ?? 4000}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Not npm start: npm does not forward every signal.
CMD ["node", "--disable-sigusr1", "src/server/main.ts"]
