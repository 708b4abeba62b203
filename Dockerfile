# The image of Sandgate: one binary on a base that has a C library and nothing else.
#
#   docker build -t sandgate .
#   docker run --rm -p 127.0.0.1:7400:7400 -p 127.0.0.1:7401:7401 -p 127.0.0.1:7402:7402 -p 127.0.0.1:7443:443 sandgate
#
# tests/suite/docker.rs holds this file and docker-compose.yml against the code.

# The oldest Rust that Cargo.toml promises, on the Debian whose C library the base below has.
FROM rust:1.94-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked
# Copied below, so that the volume belongs to the user who writes into it.
RUN mkdir /empty

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/sandgate /usr/local/bin/sandgate
COPY --from=build --chown=65532:65532 /empty /data
USER nonroot
VOLUME /data
# The admin API, PACO, and the front door where clients with a fixed URL look for it.
EXPOSE 7400 7401 7402 443
# Other containers are not on loopback. The admin API wants a token then: SANDGATE_ADMIN_TOKEN, or the
# one that is made and printed at the start. Port 443 needs no rights where Docker (20.10 and later)
# opens low ports to everybody; elsewhere: --sysctl net.ipv4.ip_unprivileged_port_start=0.
ENTRYPOINT ["/usr/local/bin/sandgate"]
CMD ["serve", "--bind", "0.0.0.0", "--data-dir", "/data", "--port", "front_door=443", "--tls-name", "sandgate"]
# Needs no token. There is no shell in the image, hence the exec form.
HEALTHCHECK --interval=5s --timeout=6s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/sandgate", "health"]
