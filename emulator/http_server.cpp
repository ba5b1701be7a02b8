#include "http_server.hpp"

#include <chrono>
#include <stdexcept>

namespace emulator {

http_server::http_server(const std::optional<tls_files>& tls) {
    if (tls)
        server_ = std::make_unique<httplib::SSLServer>(tls->certificate_path.c_str(), tls->key_path.c_str());
    else
        server_ = std::make_unique<httplib::Server>();
    server_->set_tcp_nodelay(true);
    server_->set_keep_alive_max_count(10'000);
    // A kept-alive connection holds a thread.
    server_->new_task_queue = [] { return new httplib::ThreadPool(16); };
}

http_server::~http_server() { stop(); }

int http_server::bind(const std::string& address, int port) {
    if (port == 0)
        port = server_->bind_to_any_port(address);
    else if (!server_->bind_to_port(address, port))
        port = -1;
    if (port < 0) throw std::runtime_error("no HTTP port could be taken at " + address);
    return port;
}

void http_server::serve() {
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    // Until it runs, stop() would do nothing.
    while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void http_server::stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
}

void answer(httplib::Response& to, int status, const nlohmann::json& body) {
    to.status = status;
    to.set_content(body.dump(), "application/json");
}

void answer_oauth_error(httplib::Response& to, int status, const std::string& error, const std::string& description) {
    answer(to, status, {{"error", error}, {"error_description", description}});
}

} // namespace emulator
