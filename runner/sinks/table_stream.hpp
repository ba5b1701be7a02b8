// The calls of one stream into one table, with the tokens of its table: performs what a zerobus::ingest_stream asks for.
#pragma once

#include "../databricks/token.hpp"
#include "../io/calls.hpp"
#include "../io/errand.hpp"
#include "../io/inbox.hpp"

#include <sfcdc/zerobus/ingest_stream_io.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sfcdc::runner {

class table_stream final : private calls::listener {
  public:
    // `tell` is given what happens, by functions that do not throw and by the destructor of the calls; it must outlive them.
    table_stream(std::string table, databricks::workspace& workspace, inbox& in,
                 std::function<void(const zerobus::input&)> tell);

    void perform(zerobus::action& action);
    void take_token();

    const std::string& table() const noexcept { return table_; }
    const std::string& token_refusal() const noexcept { return token_refusal_; }

  private:
    using tokens = databricks::workspace::tokens;

    void call_opened(std::uint64_t call) noexcept override { tell_(zerobus::opened{call}); }
    void call_responded(std::uint64_t call, received_bytes response) noexcept override {
        tell_(zerobus::response{call, response.view()});
    }
    void call_ended(std::uint64_t call, const call_status& status) noexcept override {
        tell_(zerobus::call_ended{call, status.code, status.error_code, status.message});
    }

    void open_call(const zerobus::open_call& open);
    void ask_for_token();

    const std::string table_;
    tokens& tokens_;
    const std::function<void(const zerobus::input&)> tell_;

    tokens::issued token_;
    unsigned refused_ = 0; // this generation of the token was not accepted
    std::string token_refusal_;
    std::optional<zerobus::open_call> waits_for_token_; // to be performed when there is a token
    bool renewing_ = false;                             // the stream has asked for a token
    errand<tokens::issued> token_errand_;
    calls calls_;
};

} // namespace sfcdc::runner
