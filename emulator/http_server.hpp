// One HTTP service on a port of its own, with TLS when there are certificates.
#pragma once

#include "tls.hpp"

#include <httplib.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

namespace emulator {

class http_server {
  public:
    explicit http_server(const std::optional<tls_files>& tls);
    ~http_server();

    httplib::Server& routes() { return *server_; }
    // The port that was taken (any free one for 0). Requests wait until serve().
    int bind(const std::string& address, int port);
    void serve();
    void stop();

  private:
    std::unique_ptr<httplib::Server> server_;
    std::thread thread_;
};

void answer(httplib::Response& to, int status, const nlohmann::json& body);
// The two members that OAuth puts into every refusal.
void answer_oauth_error(httplib::Response& to, int status, const std::string& error, const std::string& description);

} // namespace emulator
