#include "emulator.hpp"

#include "control_http.hpp"
#include "databricks_http.hpp"
#include "databricks_rest.hpp"
#include "ready_config.hpp"
#include "salesforce_http.hpp"
#include "salesforce_rest.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <system_error>

namespace emulator {
namespace {

// As RFC 9110 writes a date: "Sat, 28 Nov 2026 09:30:00 GMT".
std::string http_date(std::chrono::system_clock::time_point when) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

} // namespace

running_emulator::temporary_folder::temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sfcdc-emulator-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder can be made");
    path = name;
}

running_emulator::temporary_folder::~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

running_emulator::running_emulator(options chosen) {
    if (chosen.tls) tls_ = make_certificates(folder_.path.string());
    lake_path_ = chosen.lake_path.empty() ? (folder_.path / "lake.db").string()
                                          : std::filesystem::absolute(chosen.lake_path).string();
    world_ = std::make_unique<world>(std::move(chosen), lake_path_);
    const options& settings = world_->settings;

    const std::string scheme = tls_ ? "https://" : "http://";
    const auto start_http = [&](std::unique_ptr<http_server>& server, void (*serve)(httplib::Server&, world&),
                                int port) {
        server = std::make_unique<http_server>(tls_);
        serve(server->routes(), *world_);
        server->routes().set_post_routing_handler([this](const auto&, auto& response) {
            response.set_header("Date", http_date(std::chrono::system_clock::now() + world_->fault.clock_skew()));
        });
        return scheme + settings.listen + ":" + std::to_string(server->bind(settings.listen, port));
    };
    world_->urls.salesforce_url = start_http(salesforce_http_, serve_salesforce_logins, settings.port_salesforce);
    world_->urls.databricks_url = start_http(databricks_http_, serve_databricks_logins, settings.port_databricks);
    serve_databricks_rest(databricks_http_->routes(), *world_);
    serve_salesforce_rest(salesforce_http_->routes(), *world_);
    world_->urls.control_url = start_http(control_http_, serve_control, settings.port_control);

    pubsub_ = std::make_unique<pubsub_service>(*world_);
    zerobus_ = std::make_unique<zerobus_service>(*world_);
    pubsub_endpoint_ = start_grpc(*pubsub_, settings.port_pubsub);
    zerobus_endpoint_ = start_grpc(*zerobus_, settings.port_zerobus);
    world_->urls.pubsub_endpoint = pubsub_endpoint_.address;
    world_->urls.zerobus_endpoint = zerobus_endpoint_.address;
    // The org ends with this process, and so do positions in it: a later run would be told that they have expired.
    world_->configuration = ready_config(*world_, tls_ ? tls_->ca_path : std::string(), folder_.path);
    for (auto* server : {salesforce_http_.get(), databricks_http_.get(), control_http_.get()}) server->serve();

    if (settings.publish > 0)
        world_->events.start({.count = settings.publish,
                              .rate = settings.publish_rate,
                              .wait_for_subscriber = !settings.publish_before_subscribe,
                              .changing = settings.changing_entities > 0,
                              .schema_changes = settings.schema_changes});
}

running_emulator::grpc_endpoint running_emulator::start_grpc(grpc::Service& service, int port) {
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (tls_) {
        grpc::SslServerCredentialsOptions ssl;
        ssl.pem_key_cert_pairs.push_back({read_text(tls_->key_path), read_text(tls_->certificate_path)});
        credentials = grpc::SslServerCredentials(ssl);
    }
    int taken = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(world_->settings.listen + ":" + std::to_string(port), credentials, &taken);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Clients ping to notice a dead connection; that is no abuse here.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.SetMaxReceiveMessageSize(16 * 1024 * 1024);
    builder.RegisterService(&service);
    grpc_endpoint made{builder.BuildAndStart(), world_->settings.listen + ":" + std::to_string(taken)};
    if (!made.server || taken == 0)
        throw std::runtime_error("no gRPC port could be taken at " + world_->settings.listen);
    return made;
}

running_emulator::~running_emulator() {
    world_->events.stop();
    world_->ending = true;
    for (auto* endpoint : {&pubsub_endpoint_, &zerobus_endpoint_})
        if (endpoint->server)
            endpoint->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
    for (auto* server : {salesforce_http_.get(), databricks_http_.get(), control_http_.get()}) server->stop();
}

nlohmann::ordered_json running_emulator::description() const {
    const addresses& urls = world_->urls;
    return {{"salesforce_url", urls.salesforce_url},
            {"pubsub_endpoint", urls.pubsub_endpoint},
            {"databricks_url", urls.databricks_url},
            {"zerobus_endpoint", urls.zerobus_endpoint},
            {"control_url", urls.control_url},
            {"tls", tls_.has_value()},
            {"ca_pem", tls_ ? nlohmann::ordered_json(tls_->ca_path) : nlohmann::ordered_json()},
            {"org_id", world_->salesforce.id()},
            {"workspace_id", workspace_id},
            {"warehouse_id", world_->settings.warehouse_id},
            {"lake", lake_path_}};
}

} // namespace emulator
