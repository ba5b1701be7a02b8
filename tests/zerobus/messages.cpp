#include "catch.hpp"
#include "exact_bytes.hpp"

#include <sfcdc/zerobus/messages.hpp>

#include <random>
#include <vector>

#ifdef SFCDC_TESTS_HAVE_GENERATED
#    include <zerobus_service.pb.h>
#endif

using namespace sfcdc;
using namespace std::string_view_literals;

namespace {

zerobus::record_batch batch_of(const std::vector<std::string>& records) {
    zerobus::record_batch batch;
    for (const auto& r : records) batch.append(r);
    return batch;
}

std::string request(std::int64_t offset, zerobus::record_type type, const std::vector<std::string>& records) {
    std::string out;
    zerobus::append_request(offset, type, batch_of(records), out);
    return out;
}

} // namespace

TEST_CASE("requests are byte for byte those of the official client") {
    std::string out;
    zerobus::append_request(
        {.table_name = "c.s.t", .descriptor_proto = {}, .record_type = zerobus::record_type::json}, out);
    CHECK(out
          == "\x0a\x09\x0a\x05"
             "c.s.t\x20\x02");
    CHECK(request(0, zerobus::record_type::json, {R"({"i":0})"}) == "\x12\x0b\x08\x00\x1a\x07{\"i\":0}"sv);
}

TEST_CASE("a table has a name of three parts") {
    CHECK(zerobus::is_table_name("main.sales.events"));
    CHECK(zerobus::is_table_name("a.b.c"));
    for (const char* name : {"", "a", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b.", "..", "...", "a.b..c", ".a.b.c"})
        CHECK(!zerobus::is_table_name(name));
}

TEST_CASE("a batch gives its records back, and counts them and their bytes") {
    zerobus::record_batch batch;
    CHECK(batch.empty());
    CHECK(!(batch.begin() != batch.end()));
    const std::vector<std::string> records{"", "a", std::string(300, 'x'), std::string(70'000, 'y'),
                                           std::string(1, '\0')};
    std::size_t bytes = 0;
    for (const auto& r : records) batch.append(r), bytes += r.size();
    CHECK(batch.size() == records.size());
    CHECK(batch.record_bytes() == bytes);
    std::vector<std::string> back;
    for (const std::string_view r : batch) back.emplace_back(r);
    CHECK(back == records);
}

TEST_CASE("requests are appended behind what the buffer holds") {
    std::string out = "before";
    zerobus::append_request(7, zerobus::record_type::proto, batch_of({"x", "y"}), out);
    CHECK(out == "before" + request(7, zerobus::record_type::proto, {"x", "y"}));
}

TEST_CASE("responses as they come on the wire") {
    const auto parse = [](std::string_view bytes) { return zerobus::parse_response(bytes); };
    {
        const auto [r, bad] = parse("\x0a\x04\x0a\x02id"sv);
        REQUIRE(!bad);
        CHECK(std::get<zerobus::create_ingest_stream_response>(r).stream_id == "id");
    }
    { // offset 0 is there, an absent one is not
        const auto [zero, bad_zero] = parse("\x12\x02\x08\x00"sv);
        CHECK(std::get<zerobus::ingest_record_response>(zero).durability_ack_up_to_offset == 0);
        const auto [absent, bad_absent] = parse("\x12\x00"sv);
        CHECK(!std::get<zerobus::ingest_record_response>(absent).durability_ack_up_to_offset);
        const auto [negative, bad_negative] = parse("\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv);
        CHECK(std::get<zerobus::ingest_record_response>(negative).durability_ack_up_to_offset == -1);
    }
    {
        const auto [r, bad] = parse("\x1a\x06\x0a\x04\x08\x02\x10\x07"sv);
        CHECK(std::get<zerobus::close_stream_signal>(r).duration == zerobus::duration{2, 7});
        CHECK(!std::get<zerobus::close_stream_signal>(parse("\x1a\x00"sv).value).duration);
        CHECK(std::get<zerobus::close_stream_signal>(parse("\x1a\x02\x0a\x00"sv).value).duration
              == zerobus::duration{});
    }
    CHECK(std::holds_alternative<std::monostate>(parse("").value));
    CHECK(std::holds_alternative<std::monostate>(parse("\x22\x01x"sv).value)); // a payload that only others know
}

TEST_CASE("an error of a nested message names the byte of the whole response") {
    CHECK(zerobus::parse_response("\x12\x01\x08"sv).error == error{errc::message_truncated, 3});
    CHECK(zerobus::parse_response("\x1a\x04\x0a\x02\x08\x80"sv).error == error{errc::message_truncated, 5});
    CHECK(zerobus::parse_response("\x1a\x04\x0a\x02\x0b\x01"sv).error == error{errc::message_bad_tag, 4});
    CHECK(zerobus::parse_response("\x0a\x02\x0a\x05"sv).error == error{errc::message_truncated, 3});
    CHECK(zerobus::parse_response("\x12\x02\x08"sv).error == error{errc::message_truncated, 1});
}

#ifdef SFCDC_TESTS_HAVE_GENERATED

namespace {

namespace generated = databricks::zerobus;

// What two readers have to agree on, as a text that a failed check can show.
std::string said_by(const zerobus::ephemeral_stream_response& r) {
    if (const auto* c = std::get_if<zerobus::create_ingest_stream_response>(&r))
        return "create " + (c->stream_id ? "'" + std::string(*c->stream_id) + "'" : "-");
    if (const auto* a = std::get_if<zerobus::ingest_record_response>(&r))
        return "ack " + (a->durability_ack_up_to_offset ? std::to_string(*a->durability_ack_up_to_offset) : "-");
    if (const auto* s = std::get_if<zerobus::close_stream_signal>(&r))
        return "close "
               + (s->duration ? std::to_string(s->duration->seconds) + "s " + std::to_string(s->duration->nanos)
                              : "-");
    return "nothing";
}

std::string said_by(const generated::EphemeralStreamResponse& r) {
    switch (r.payload_case()) {
    case generated::EphemeralStreamResponse::kCreateStreamResponse: {
        const auto& c = r.create_stream_response();
        return "create " + (c.has_stream_id() ? "'" + c.stream_id() + "'" : "-");
    }
    case generated::EphemeralStreamResponse::kIngestRecordResponse: {
        const auto& a = r.ingest_record_response();
        return "ack " + (a.has_durability_ack_up_to_offset() ? std::to_string(a.durability_ack_up_to_offset()) : "-");
    }
    case generated::EphemeralStreamResponse::kCloseStreamSignal: {
        const auto& s = r.close_stream_signal();
        return "close "
               + (s.has_duration()
                      ? std::to_string(s.duration().seconds()) + "s " + std::to_string(s.duration().nanos())
                      : "-");
    }
    case generated::EphemeralStreamResponse::PAYLOAD_NOT_SET: break;
    }
    return "nothing";
}

// Random messages, mostly well formed: known and unknown fields, wrong wire types, repetitions, nested to a depth.
class message_maker {
  public:
    explicit message_maker(unsigned seed) : random_(seed) {}

    std::string message(int depth = 3) {
        std::string out;
        {
            wire::appender to(out);
            wire::protobuf_writer w(to);
            for (unsigned n = below(4); n > 0; --n) {
                const std::uint32_t field = below(8) == 0 ? 1 + below(1u << 29) % 0x1fffffff : 1 + below(4);
                switch (below(8)) {
                case 0: w.tag(field, wire::wire_type::fixed32), to.append("1234"); break;
                case 1: w.tag(field, wire::wire_type::fixed64), to.append("12345678"); break;
                case 2:
                case 3: w.varint(field, number()); break;
                default:
                    w.bytes(field, depth > 0 && below(6) != 0 ? message(depth - 1) : std::string(below(200), 'x'));
                }
            }
        }
        return out;
    }
    std::uint64_t number() {
        switch (below(4)) {
        case 0: return below(3);
        case 1: return ~std::uint64_t{0};
        default: return random_() >> below(64);
        }
    }
    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  private:
    std::mt19937_64 random_;
};

} // namespace

TEST_CASE("the generated classes read requests as they were meant") {
    message_maker make(1);
    for (int round = 0; round < 2'000; ++round) {
        std::vector<std::string> records(1 + make.below(4));
        for (auto& r : records)
            r.assign(make.below(make.below(4) == 0 ? 20'000 : 200), static_cast<char>('a' + make.below(26)));
        const bool json = make.below(2) == 0;
        const auto offset = static_cast<std::int64_t>(make.number() >> 1);
        generated::EphemeralStreamRequest read;
        REQUIRE(read.ParseFromString(
            request(offset, json ? zerobus::record_type::json : zerobus::record_type::proto, records)));

        generated::EphemeralStreamRequest meant;
        if (records.size() == 1) {
            auto& one = *meant.mutable_ingest_record();
            one.set_offset_id(offset);
            json ? one.set_json_record(records[0]) : one.set_proto_encoded_record(records[0]);
        } else {
            auto& batch = *meant.mutable_ingest_record_batch();
            batch.set_offset_id(offset);
            for (const auto& r : records)
                json ? batch.mutable_json_batch()->add_records(r)
                     : batch.mutable_proto_encoded_batch()->add_records(r);
        }
        REQUIRE(read.SerializeAsString() == meant.SerializeAsString());

        // and the bytes are the very ones that the classes would send
        REQUIRE(read.SerializeAsString()
                == request(offset, json ? zerobus::record_type::json : zerobus::record_type::proto, records));
    }
    std::string out;
    const std::string descriptor(3'000, 'd');
    zerobus::append_request({.table_name = "main.sales.events", .descriptor_proto = descriptor}, out);
    generated::EphemeralStreamRequest read;
    REQUIRE(read.ParseFromString(out));
    CHECK(read.create_stream().table_name() == "main.sales.events");
    CHECK(read.create_stream().descriptor_proto() == descriptor);
    CHECK(read.create_stream().record_type() == generated::PROTO);
    CHECK(read.SerializeAsString() == out);
}

TEST_CASE("responses of the generated classes read the same, whole and cut at every byte") {
    message_maker make(2);
    for (int round = 0; round < 2'000; ++round) {
        generated::EphemeralStreamResponse sent;
        switch (make.below(4)) {
        case 0: sent.mutable_create_stream_response()->set_stream_id(std::string(make.below(40), 's')); break;
        case 1: {
            auto& ack = *sent.mutable_ingest_record_response();
            if (make.below(8) != 0) ack.set_durability_ack_up_to_offset(static_cast<std::int64_t>(make.number()));
            break;
        }
        case 2: {
            auto& signal = *sent.mutable_close_stream_signal();
            if (make.below(4) != 0) signal.mutable_duration()->set_seconds(static_cast<std::int64_t>(make.number()));
            if (make.below(4) != 0) signal.mutable_duration()->set_nanos(static_cast<std::int32_t>(make.number()));
            break;
        }
        default: break;
        }
        const std::string bytes = sent.SerializeAsString();
        for (std::size_t length = 0; length <= bytes.size(); ++length) {
            const exact_bytes cut(std::string_view(bytes).substr(0, length));
            generated::EphemeralStreamResponse again;
            const bool good = again.ParseFromArray(cut.text().data(), static_cast<int>(length));
            const auto [response, bad] = zerobus::parse_response(cut.text());
            REQUIRE(!bad == good);
            if (good) REQUIRE(said_by(response) == said_by(again));
        }
    }
}

TEST_CASE("random messages with unknown and repeated fields read as the generated classes read them") {
    message_maker make(3);
    std::size_t kinds[4] = {};
    for (int round = 0; round < 60'000; ++round) {
        std::string bytes = make.message();
        if (!bytes.empty() && make.below(4) == 0)
            bytes[make.below(static_cast<unsigned>(bytes.size()))] = static_cast<char>(make.below(256));
        const exact_bytes input(bytes);
        generated::EphemeralStreamResponse read;
        const bool good = read.ParseFromArray(input.text().data(), static_cast<int>(bytes.size()));
        const auto [response, bad] = zerobus::parse_response(input.text());
        if (!bad) {
            REQUIRE(good);
            REQUIRE(said_by(response) == said_by(read));
            ++kinds[response.index()];
        } else if (good) {
            // Google still reads groups, and drops what a varint has above 64 bits; no writer makes either here.
            REQUIRE((bad.code == errc::message_bad_tag || bad.code == errc::varint_too_long));
        }
    }
    for (const std::size_t seen : kinds) CHECK(seen > 1'000);
}

#endif
