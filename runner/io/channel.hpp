// gRPC channels as both sides need them.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace sfcdc::runner {

// "host:port" or "https://host[:port]": TLS with the roots in `ca_file` (PEM), or the system's when it is empty.
// "http://host:port": plaintext, for an emulator on this machine. HTTP/2 pings notice a peer that is gone.
// Throws failure(bad_config) when ca_file cannot be read.
std::shared_ptr<grpc::Channel> open_channel(const std::string& endpoint, const std::string& ca_file);

} // namespace sfcdc::runner
