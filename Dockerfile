# The daemon in a container: docker build -t sfcdc .
# Debian of the same release builds and runs it, so that both have the same libraries.
FROM debian:12-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        g++ meson ninja-build pkg-config python3 dpkg-dev libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev \
        libssl-dev libcurl4-openssl-dev libtomlplusplus-dev libcli11-dev libspdlog-dev nlohmann-json3-dev libsqlite3-dev \
        libcpp-httplib-dev prometheus-cpp-dev libpugixml-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN meson setup /build --prefix /usr --sysconfdir /etc --buildtype release -Doptimization=2 -Dunity=on -Dunity_size=8 \
        -Drunner=enabled -Demulator=disabled -Dtests=disabled \
    && ninja -C /build \
    && SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" packaging/deb/make.py /build /packages

FROM debian:12-slim
COPY --from=build /packages/sfcdc_*.deb /tmp/
RUN apt-get update \
    && apt-get install -y --no-install-recommends /tmp/sfcdc_*.deb \
    && rm -rf /var/lib/apt/lists/* /tmp/sfcdc_*.deb \
    && usermod --uid 10001 sfcdc && groupmod --gid 10001 sfcdc && chown -R 10001:10001 /var/lib/sfcdc
# By number: Kubernetes cannot tell from a name that it is not root.
USER 10001:10001
WORKDIR /var/lib/sfcdc
# Positions, dead letters and databases; the only folder that is written to, so that the root may be read-only.
VOLUME /var/lib/sfcdc
STOPSIGNAL SIGTERM
# Whether the status server answers, at the address of the configuration. A configuration without [status] listen has none, which the command
# says by exit code 2: such a daemon is well as long as it runs.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
    CMD /usr/bin/sfcdc top --once --config /etc/sfcdc/sfcdc.toml >/dev/null || [ $? -eq 2 ]
ENTRYPOINT ["/usr/bin/sfcdc"]
CMD ["run", "--config", "/etc/sfcdc/sfcdc.toml"]
