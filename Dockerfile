# docker build -t penstock .
# docker run -p 8080:8080 -v penstock-data:/data --stop-timeout 60 -e ANTHROPIC_API_KEY penstock
#
# --stop-timeout lets open streams finish (shutdown.drainMs + shutdown.flushMs).

FROM node:22-bookworm-slim AS install
WORKDIR /penstock
COPY package.json package-lock.json .npmrc ./
# The pinned Node is hard-linked at two places and uWebSockets.js brings a binary for every platform: only ours stay.
RUN npm ci --omit=dev \
 && rm -rf node_modules/node/node_modules \
 && abi="$(node_modules/.bin/node -p 'process.platform + "_" + process.arch + "_" + process.versions.modules')" \
 && find node_modules/uWebSockets.js -name '*.node' ! -name "uws_${abi}.node" -delete

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /bin/false penstock \
 && install -d -o penstock -g penstock -m 0750 /data
WORKDIR /penstock
COPY package.json LICENSE ./
COPY --from=install /penstock/node_modules node_modules
COPY config config
COPY src src
USER penstock
ENV PENSTOCK_DATA=/data PENSTOCK_LISTEN_HOST=0.0.0.0
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node_modules/.bin/node", "-e", "fetch('http://127.0.0.1:9090/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node_modules/.bin/node", "--disable-warning=ExperimentalWarning", "src/main.ts"]
