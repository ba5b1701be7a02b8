// An ingest stream on a virtual clock, with the test as its server: what the stream asks for and reports is written down as
// a text, such as "open 1, create 1, send 1 #0 a b, durable 0-2".
#pragma once

#include "exact_bytes.hpp"
#include "reference/protobuf_reader.hpp"

#include <sfcdc/zerobus/ingest_stream.hpp>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace zerobus_test {

using namespace sfcdc;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline zerobus::ingest_stream_options options() {
    zerobus::ingest_stream_options o;
    o.table_name = "main.sales.events";
    o.descriptor_proto = "descriptor";
    return o;
}

inline zerobus::record_batch batch(const std::vector<std::string>& records) {
    zerobus::record_batch out;
    for (const auto& r : records) out.append(r);
    return out;
}

// ---- responses, written without the library's writer

inline std::string field(int number, const std::string& bytes) { // shorter than 128 bytes
    return std::string(1, static_cast<char>(number * 8 + 2)) + static_cast<char>(bytes.size()) + bytes;
}
inline std::string number(int field, std::int64_t value) {
    std::string out(1, static_cast<char>(field * 8));
    auto v = static_cast<std::uint64_t>(value);
    for (; v >= 128; v /= 128) out += static_cast<char>(v % 128 + 128);
    return out + static_cast<char>(v);
}
inline std::string created_response(const std::string& id = "id") { return field(1, field(1, id)); }
inline std::string ack_response(std::int64_t offset) { return field(2, number(1, offset)); }
inline std::string close_signal(std::int64_t s, std::int32_t ns = 0) {
    return field(3, field(1, number(1, s) + number(2, ns)));
}
inline std::string close_signal_without_duration() { return field(3, ""); }

// ---- requests, read without the library's reader

struct sent_request {
    bool create = false;
    bool json = false;
    std::int64_t offset = -1;
    std::vector<std::string> records;
    std::string table_name, descriptor;
};

inline sent_request read_request(const std::string& bytes) {
    const auto outer = reference::read_protobuf(bytes);
    if (outer.size() != 1) throw std::runtime_error("a request has one payload");
    sent_request out;
    out.create = outer[0].number == 1;
    for (const auto& f : reference::read_protobuf(outer[0].bytes)) {
        if (out.create) {
            if (f.number == 1) out.table_name = f.bytes;
            if (f.number == 3) out.descriptor = f.bytes;
            if (f.number == 4) out.json = f.varint == 2;
        } else if (f.number == 1) {
            out.offset = static_cast<std::int64_t>(f.varint);
        } else {
            out.json = f.number == 3;
            if (outer[0].number == 2)
                out.records.push_back(f.bytes);
            else
                for (const auto& r : reference::read_protobuf(f.bytes)) out.records.push_back(r.bytes);
        }
    }
    if (outer[0].number == 3 && out.records.size() < 2) throw std::runtime_error("a batch of one");
    if (!out.create && out.offset < 0) throw std::runtime_error("no offset_id");
    return out;
}

class scene {
  public:
    zerobus::ingest_stream stream;
    time_point now{}; // of the virtual clock
    std::vector<sent_request> requests;
    // Of the last event that said so.
    time_point interrupted_until{};
    zerobus::reason why;
    std::string_view what_to_do;
    std::uint64_t last_call = 0;
    bool token_asked = false;

    explicit scene(zerobus::ingest_stream_options o = options()) : stream(std::move(o)) { run(); }
    scene(const scene&) = delete;

    // The server takes the call, and all about that is said already.
    scene& open(std::uint64_t call = 1) {
        opened(call);
        created(call);
        said();
        return *this;
    }

    result<zerobus::offset_range> try_add(const std::vector<std::string>& records) {
        auto out = stream.add(batch(records));
        run();
        return out;
    }
    zerobus::offset_range add(const std::vector<std::string>& records) {
        const auto [rows, bad] = try_add(records);
        if (bad) throw std::runtime_error(bad.message());
        return rows;
    }
    errc try_input(const zerobus::input& in) {
        const errc mistake = stream.handle(in, now);
        run();
        return mistake;
    }
    errc try_opened(std::uint64_t call) { return try_input(zerobus::opened{call}); }
    errc try_respond(std::uint64_t call, const std::string& bytes) {
        const exact_bytes exact(bytes); // gone when handle() is over
        return try_input(zerobus::response{call, exact.text()});
    }
    errc try_ended(std::uint64_t call, int status, std::string_view message = "gone") {
        const exact_bytes exact(message);
        return try_input(zerobus::call_ended{call, static_cast<wire::grpc_status>(status), {}, exact.text()});
    }
    // The same for what the stream must take.
    void input(const zerobus::input& in) { must_take(try_input(in)); }
    void opened(std::uint64_t call) { must_take(try_opened(call)); }
    void respond(std::uint64_t call, const std::string& bytes) { must_take(try_respond(call, bytes)); }
    void ended(std::uint64_t call, int status, std::string_view message = "gone") {
        must_take(try_ended(call, status, message));
    }
    void created(std::uint64_t call) { respond(call, created_response()); }
    void ack(std::uint64_t call, std::int64_t offset) { respond(call, ack_response(offset)); }
    void close() {
        stream.close();
        run();
    }
    void abandon() {
        stream.abandon();
        run();
    }
    // Lets time pass, stopping wherever the stream wants to be asked.
    void wait(milliseconds time) {
        const time_point until = now + time;
        for (auto next = stream.poll_timeout(); next && *next <= until; next = stream.poll_timeout()) {
            now = std::max(now, *next);
            run();
        }
        now = until;
        run();
    }

    // As long as it takes until this call is asked for, and no longer.
    void wait_for_call(std::uint64_t call) {
        while (last_call < call && !stream.closed()) step();
    }
    // A new token, as soon as it is asked for.
    void renew_token() {
        while (!token_asked && !stream.closed()) step();
        token_asked = false;
        input(zerobus::token_renewed{});
    }

    // What was asked for and reported since the last time.
    std::string said() { return std::exchange(said_, {}); }

    void run() {
        for (;;) {
            if (auto e = stream.poll_event())
                std::visit([&](const auto& x) { report(x); }, *e);
            else if (auto a = stream.poll_action(now))
                std::visit([&](const auto& x) { perform(x); }, *a);
            else
                return;
        }
    }

  private:
    static void must_take(errc mistake) {
        if (mistake != errc::none) throw std::runtime_error(message(mistake));
    }
    void step() {
        const auto next = stream.poll_timeout();
        if (!next) throw std::runtime_error("the stream waits for nothing");
        now = std::max(now, *next);
        run();
    }
    void say(const std::string& text) { said_ += (said_.empty() ? "" : ", ") + text; }
    void perform(const zerobus::open_call& a) {
        last_call = a.call;
        say("open " + std::to_string(a.call));
    }
    void perform(const zerobus::half_close& a) { say("half_close " + std::to_string(a.call)); }
    void perform(const zerobus::cancel_call& a) { say("cancel " + std::to_string(a.call)); }
    void perform(const zerobus::renew_token&) {
        token_asked = true;
        say("renew_token");
    }
    void perform(const zerobus::send_request& a) {
        const sent_request& r = requests.emplace_back(read_request(a.bytes));
        std::string text = (r.create ? "create " : "send ") + std::to_string(a.call);
        if (!r.create) text += " #" + std::to_string(r.offset);
        for (const auto& record : r.records) text += " " + record;
        say(text);
    }
    void report(const zerobus::durable& e) {
        say("durable " + std::to_string(e.rows.begin) + "-" + std::to_string(e.rows.end));
    }
    void report(const zerobus::row_rejected& e) {
        say("rejected " + std::to_string(e.offset) + " " + e.record + " (" + e.reason + ")");
    }
    void report(const zerobus::interrupted& e) {
        interrupted_until = e.until;
        why = e.why;
        say("interrupted");
    }
    void report(const zerobus::failed& e) {
        why = e.why;
        what_to_do = e.what_to_do;
        say("failed (" + e.why.message + ")");
    }

    std::string said_;
};

inline std::vector<std::string> held_records(const zerobus::ingest_stream& stream) {
    std::vector<std::string> out;
    for (const auto& request : stream.held())
        for (const std::string_view record : request.records) out.emplace_back(record);
    return out;
}

} // namespace zerobus_test
