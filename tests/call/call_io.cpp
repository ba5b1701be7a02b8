#include "catch.hpp"

#include <set>
#include <string>
#include <type_traits>

#include <sfcdc/call/call_io.hpp>
#include <sfcdc/pubsub/subscription_io.hpp>
#include <sfcdc/zerobus/ingest_stream_io.hpp>

using namespace sfcdc;

TEST_CASE("call_io: each fault has a sentence of its own") {
    std::set<std::string> sentences;
    for (auto i = 0; i <= static_cast<int>(call::fault::row_without_event); ++i)
        CHECK(sentences.insert(message(static_cast<call::fault>(i))).second);
    CHECK(sentences.count("unknown fault") == 0);
    CHECK(std::string(message(static_cast<call::fault>(200))) == "unknown fault");
}

TEST_CASE("call_io: a reason has copies of what was said, cut where nobody reads on") {
    std::string words(100'000, 'w'), code(100'000, 'c');
    const call::reason ended =
        call::reason_of(call::call_ended{1, wire::grpc_status::internal, "prefix." + code, words}, code);
    const call::reason refused = call::reason_of(call::fault::token_refused, words);
    words.assign(words.size(), '-');
    code.assign(code.size(), '-');
    CHECK(ended.status == wire::grpc_status::internal);
    CHECK(ended.fault == call::fault::none);
    CHECK(ended.error_code == std::string(limits::peer_text_bytes, 'c'));
    CHECK(ended.message == std::string(limits::peer_text_bytes, 'w'));
    CHECK(refused.fault == call::fault::token_refused);
    CHECK(refused.message == std::string(limits::peer_text_bytes, 'w'));
    const std::string umlauts =
        call::reason_of(call::fault::none, "w" + std::string(limits::peer_text_bytes, '\xc3')).message;
    CHECK(umlauts.size() <= limits::peer_text_bytes);
}

TEST_CASE("call_io: one piece of I/O performs what both machines ask for") {
    CHECK(std::is_same_v<pubsub::action, zerobus::action>);
    CHECK(std::is_same_v<pubsub::input, zerobus::input>);
    CHECK(std::is_same_v<pubsub::call_ended, zerobus::call_ended>);
    CHECK(std::is_same_v<pubsub::reason, zerobus::reason>);
}
