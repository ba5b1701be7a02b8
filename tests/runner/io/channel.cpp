#include "io/channel.hpp"

#include "catch.hpp"
#include "generic_server.hpp"
#include "io/calls.hpp"
#include "operations/failure.hpp"
#include "until.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace sfcdc::runner;

struct deaf final : calls::listener {
    void call_opened(std::uint64_t) noexcept override {}
    void call_responded(std::uint64_t, received_bytes) noexcept override {}
    void call_ended(std::uint64_t, const call_status&) noexcept override { ++ended; }
    int ended = 0;
};

} // namespace

TEST_CASE("each channel has a connection of its own") {
    inbox in;
    test::generic_server server(in);
    deaf listener;
    std::set<std::string> peers;
    std::vector<std::shared_ptr<grpc::Channel>> channels; // all at once
    int calls_made = 0;
    for (int channel = 0; channel < 3; ++channel) {
        channels.push_back(open_channel("http://127.0.0.1:" + server.port(), {}));
        calls of(in, channels.back(), listener);
        for (int i = 0; i < 2; ++i, ++calls_made) {
            of.open(static_cast<std::uint64_t>(i), "/test/echo", {});
            of.half_close(static_cast<std::uint64_t>(i));
            REQUIRE(test::until(in, [&] { return listener.ended == calls_made + 1; }));
        }
    }
    REQUIRE(server.count() == 6);
    for (std::size_t i = 0; i < server.count(); ++i) peers.insert(server.call(i).peer);
    CHECK(peers.size() == 3);
}

TEST_CASE("certificates that cannot be read are a mistake of the configuration") {
    try {
        (void)open_channel("acme.example:443", "/no/such/file.pem");
        FAIL("it was taken");
    } catch (const failure& f) {
        CHECK(f.code() == exit_code::bad_config);
        CHECK(std::string(f.what()).find("/no/such/file.pem") != std::string::npos);
    }
}
