# The hub in one image. By default: one process with SQLite in the volume /data.
#   docker build -t rider-hub . && docker run -p 8080:8080 -v hub-data:/data rider-hub
# Demo:        docker run -p 8080:8080 rider-hub python -m rider_hub demo --dir /data/demo
# PostgreSQL:  RIDER_HUB_DATABASE_URL=postgresql+asyncpg://...  (see compose.yaml)

# Front-end packages. Node.js stays in this stage.
FROM node:22-bookworm-slim AS pages
WORKDIR /build
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund

# Python packages, and the few front-end files that are served.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
COPY --from=pages /build/node_modules ./node_modules
COPY scripts/vendor.py ./scripts/
RUN python scripts/vendor.py && mkdir data

FROM python:3.11-slim-bookworm
# The four packages are copied, not installed: as a wheel their plain names would stand among all others.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    NUMBA_CACHE_DIR=/opt/numba \
    RIDER_HUB_DATA_DIR=/data \
    RIDER_HUB_HOST=0.0.0.0 \
    RIDER_HUB_PORT=8080
COPY --from=build /opt/venv /opt/venv
# A user without a name: nothing in the image belongs to it but the data and the kernels' cache.
COPY --from=build --chown=10001:10001 /build/data /data
WORKDIR /app
COPY connectors ./connectors
COPY geo ./geo
COPY jobs ./jobs
COPY rider_hub ./rider_hub
# Shown to platforms on their own pages.
COPY docs/platforms.zh-CN.md ./docs/
COPY --from=build /build/rider_hub/web/static/vendor ./rider_hub/web/static/vendor
# The matching kernels are compiled here, for the processor that builds; on another kind a first match compiles
# them again, so the user may write there.
RUN python -m geo.kernels && chown -R 10001:10001 /opt/numba
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['RIDER_HUB_PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "rider_hub", "serve"]
