#include "channel.hpp"

#include "../operations/failure.hpp"

#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <mutex>

namespace sfcdc::runner {
namespace {

std::string read_roots(const std::string& ca_file) {
    // The library's own idea of the system's roots differs from build to build.
    const std::string path = !ca_file.empty() ? ca_file : "/etc/ssl/certs/ca-certificates.crt";
    std::ifstream in(path);
    if (!in && !ca_file.empty())
        throw failure(exit_code::bad_config, ca_file + ": the certificates cannot be read (\"ca_file\").");
    return {std::istreambuf_iterator<char>(in), {}};
}

// gRPC's own lines stand in our log: they hold text of peers, too.
void log_of_grpc(gpr_log_func_args* line) {
    const bool error = line->severity == GPR_LOG_SEVERITY_ERROR;
    spdlog::log(error ? spdlog::level::warn : spdlog::level::debug, "grpc: {}", line->message);
}

} // namespace

std::shared_ptr<grpc::Channel> open_channel(const std::string& endpoint, const std::string& ca_file) {
    static std::once_flag once;
    std::call_once(once, [] { gpr_set_log_function(log_of_grpc); });
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
                     1); // one connection for each stream: they do not share a window
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10'000);
    arguments.SetMaxReceiveMessageSize(128 << 20); // 100 events of 1 MB may come in one message

    std::string target = endpoint;
    bool tls = true;
    if (target.starts_with("http://"))
        target.erase(0, 7), tls = false;
    else if (target.starts_with("https://"))
        target.erase(0, 8);
    if (target.find(':', target.rfind(']') == std::string::npos ? 0 : target.rfind(']')) == std::string::npos)
        target += tls ? ":443" : ":80";

    if (!tls) return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = read_roots(ca_file);
    return grpc::CreateCustomChannel(target, grpc::SslCredentials(options), arguments);
}

} // namespace sfcdc::runner
