// A Salesforce org and a Databricks workspace on loopback: the world and its five servers.
#pragma once

#include "http_server.hpp"
#include "pubsub_service.hpp"
#include "world.hpp"
#include "zerobus_service.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace emulator {

class running_emulator {
  public:
    explicit running_emulator(options chosen);
    running_emulator(const running_emulator&) = delete;
    running_emulator& operator=(const running_emulator&) = delete;
    ~running_emulator();

    world& state() { return *world_; }
    // Where everything is, as one object.
    nlohmann::ordered_json description() const;

  private:
    // Removed at the end: certificates, the positions of ready_config(), and the lake when no path was given.
    struct temporary_folder {
        temporary_folder();
        ~temporary_folder();
        std::filesystem::path path;
    };
    struct grpc_endpoint {
        std::unique_ptr<grpc::Server> server;
        std::string address;
    };
    grpc_endpoint start_grpc(grpc::Service& service, int port);

    temporary_folder folder_;
    std::string lake_path_;
    std::optional<tls_files> tls_;
    std::unique_ptr<world> world_;
    std::unique_ptr<pubsub_service> pubsub_;
    std::unique_ptr<zerobus_service> zerobus_;
    std::unique_ptr<http_server> salesforce_http_, databricks_http_, control_http_;
    grpc_endpoint pubsub_endpoint_, zerobus_endpoint_;
};

} // namespace emulator
