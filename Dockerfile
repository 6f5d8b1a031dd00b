# Builds Sunbid from source and leaves a small image with the binary and the media libraries it links to.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      clang libclang-dev pkg-config libpq-dev libavcodec-dev libavformat-dev libavutil-dev \
      libswscale-dev libswresample-dev nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN bin/assets && cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates libpq5 libavcodec59 libavformat59 libavutil57 libswscale6 libswresample4 \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home --home-dir /var/lib/sunbid sunbid \
    && install -d -o sunbid -g sunbid /var/lib/sunbid/media
COPY --from=build /src/target/release/sunbid /usr/local/bin/sunbid
USER sunbid
WORKDIR /var/lib/sunbid
ENV SUNBID_LISTEN=0.0.0.0:8080
EXPOSE 8080
CMD ["sunbid", "serve"]
