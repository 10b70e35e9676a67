# The command `resonare` as an image: by default the HTTP service on port 8010.
FROM --platform=linux/amd64 rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# `dist` takes minutes longer to build, and the binary is smaller.
ARG PROFILE=release
RUN cargo build --profile "$PROFILE" --locked --bin resonare && cp "target/$PROFILE/resonare" /resonare

FROM --platform=linux/amd64 debian:bookworm-slim
# TLS to the model hub and to AWS needs the certificates of public authorities.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /resonare /usr/local/bin/resonare
COPY conf /app/conf
WORKDIR /app
RUN mkdir data && chown 10001:10001 data
USER 10001:10001
VOLUME ["/app/data", "/app/conf"]
EXPOSE 8010
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["bash", "-c", "\
  exec 3<>/dev/tcp/127.0.0.1/8010 && \
  printf 'GET /data-prep/system/health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && \
  grep -q '\"status\":\"healthy\"' <&3"]
ENTRYPOINT ["resonare"]
CMD ["serve", "--host=0.0.0.0"]
