// Operations on an ingest stream, against a server that stores, acknowledges, refuses, lies and goes away as the input says,
// with time passing in between. What must hold after each operation, and that all comes to rest when the server behaves
// again, stands in world::check() and world::settle().
#include "fuzz.hpp"

#include <sfcdc/zerobus/ingest_stream.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace sfcdc;
using std::chrono::milliseconds;

namespace {

class input_bytes {
  public:
    explicit input_bytes(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
    bool empty() const { return rest_.empty(); }
    unsigned next(unsigned below) {
        if (rest_.empty()) return 0;
        const unsigned value = rest_.front() % below;
        rest_ = rest_.subspan(1);
        return value;
    }
    std::string next_bytes(std::size_t count) {
        const auto taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return {taken.begin(), taken.end()};
    }

  private:
    std::span<const std::uint8_t> rest_;
};

// A row says which it is, and whether the server will take it.
std::string row(std::int64_t offset, bool bad) { return (bad ? "bad " : "row ") + std::to_string(offset); }
std::int64_t offset_of(std::string_view row) { return std::stoll(std::string(row.substr(4))); }
bool is_bad(std::string_view row) { return row.starts_with("bad "); }

template<class Write> std::string message(Write write) {
    std::string out;
    {
        wire::appender to(out);
        wire::protobuf_writer w(to);
        write(w);
    }
    return out;
}
std::string created() {
    return message([](auto& w) { w.nested(1, [&] { w.bytes(1, "id"); }); });
}
std::string ack(std::int64_t offset) {
    return message([&](auto& w) { w.nested(2, [&] { w.int64(1, offset); }); });
}

struct server_call {
    bool opened = false, created = false, create_seen = false, half_closed = false;
    std::vector<std::vector<std::string>> requests;
    std::size_t stored = 0, acknowledged = 0; // of the requests

    std::size_t rows_in_flight() const {
        std::size_t rows = 0;
        for (std::size_t i = acknowledged; i < requests.size(); ++i) rows += requests[i].size();
        return rows;
    }
};

zerobus::ingest_stream_options small(zerobus::record_type type) {
    zerobus::ingest_stream_options o;
    o.table_name = "a.b.c";
    o.descriptor_proto = "d";
    o.record_type = type;
    o.requests = 4;
    o.bytes = 120;
    o.open_limit = milliseconds(1'000);
    o.ack_limit = milliseconds(2'000);
    o.drain_limit = milliseconds(500);
    o.patience.attempts = 9;
    o.patience.token_renewals = 1;
    o.rejections = 5;
    return o;
}

class world {
  public:
    explicit world(input_bytes& in)
        : in_(in), stream_(small(in.next(2) == 0 ? zerobus::record_type::proto : zerobus::record_type::json)) {}

    void operate() {
        switch (in_.next(14)) {
        case 0:
        case 1: add(); break;
        case 2: now_ += milliseconds(in_.next(255) * 10); break;
        case 3: poll(in_.next(4)); break;
        case 4: poll(1'000); break;
        case 5: poll_events(in_.next(3)); break;
        case 6: open(some_call()); break;
        case 7: store(some_call(), 1 + in_.next(3)); break;
        case 8: acknowledge(some_call()); break;
        case 9: lie(some_call()); break;
        case 10: end(some_call(), static_cast<int>(in_.next(18))); break;
        case 11: signal(some_call()); break;
        case 12: token(); break;
        default: rarely(); break;
        }
        check();
    }

    // The server behaves from now on, and nobody adds.
    void settle() {
        stream_.close();
        for (int step = 0; step < 2'000 && !stream_.closed(); ++step) {
            poll(1'000);
            poll_events(1'000);
            if (stream_.closed()) break;
            if (renewing_) give_token();
            bool did_something = false;
            const auto ids = call_ids();
            for (const auto id : ids) did_something = serve(id) || did_something;
            poll(1'000);
            check();
            if (did_something) continue;
            const auto next = stream_.poll_timeout();
            fuzz::require(next.has_value() || stream_.closed()); // else it would wait for ever
            if (next) now_ = std::max(now_, *next);
        }
        poll_events(1'000);
        fuzz::require(stream_.closed() && calls_.empty());
        fuzz::require(!stream_.poll_timeout() && !stream_.poll_action(now_ + std::chrono::hours(1)));
        if (!failed_ && !abandoned_)
            fuzz::require(reported_ == added_.size() && stream_.held().empty() && stream_.held_bytes() == 0);
        check();
    }

  private:
    // ---- what must hold at any time

    void check() {
        // Reported, or still held: each row once, in order, with its own bytes.
        std::size_t offset = static_cast<std::size_t>(stream_.settled());
        fuzz::require(reported_ <= offset && static_cast<std::size_t>(stream_.added()) == added_.size());
        std::size_t bytes = 0;
        for (const zerobus::request& request : stream_.held()) {
            fuzz::require(request.first == static_cast<std::int64_t>(offset) && !request.records.empty());
            for (const std::string_view record : request.records) fuzz::require(record == added_[offset++]);
            bytes += request.records.message().size();
        }
        fuzz::require(offset == added_.size() && bytes <= stream_.held_bytes());
        // Bounds. A batch may be larger than the bound when it is alone, and a search cuts requests of at most six rows.
        fuzz::require(stream_.held_bytes() <= 120 + 6 * 12);
        fuzz::require(stream_.held().size() <= 4 + 3);
        fuzz::require(calls_.size() <= 2);
        int calls_with_rows = 0;
        for (const auto& [id, call] : calls_) calls_with_rows += call.rows_in_flight() > 0;
        fuzz::require(calls_with_rows <= 1); // or rows might overtake each other
    }

    void on(const zerobus::durable& e) {
        fuzz::require(e.rows.begin == static_cast<std::int64_t>(reported_) && e.rows.end > e.rows.begin);
        for (; static_cast<std::int64_t>(reported_) < e.rows.end; ++reported_)
            fuzz::require(stored_.count(added_[reported_]) == 1);
    }
    void on(const zerobus::row_rejected& e) {
        fuzz::require(e.offset == static_cast<std::int64_t>(reported_) && e.record == added_[reported_]);
        fuzz::require(refused_alone_.count(e.offset) == 1);
        ++reported_;
    }
    void on(const zerobus::interrupted& e) { fuzz::require(e.why.remedy != call::remedy::stop); }
    void on(const zerobus::failed& e) {
        fuzz::require(e.why.remedy == call::remedy::stop && !e.what_to_do.empty() && !failed_);
        failed_ = true;
    }

    // ---- the I/O

    void poll_events(unsigned most) {
        for (; most > 0; --most) {
            const auto e = stream_.poll_event();
            if (!e) return;
            fuzz::require(!failed_); // it is the last one
            std::visit([&](const auto& x) { on(x); }, *e);
        }
    }

    void poll(unsigned most) {
        for (; most > 0; --most) {
            const auto a = stream_.poll_action(now_);
            if (!a) return;
            std::visit([&](const auto& x) { perform(x); }, *a);
            check();
        }
    }

    void perform(const zerobus::open_call& a) {
        fuzz::require(a.call > last_call_ && !renewing_);
        last_call_ = a.call;
        calls_[a.call];
    }
    void perform(const zerobus::send_request& a) {
        const auto found = calls_.find(a.call);
        if (found == calls_.end()) return; // it has ended
        server_call& call = found->second;
        fuzz::require(call.opened && !call.half_closed);
        wire::protobuf_reader outer(a.bytes);
        fuzz::require(outer.next());
        const auto kind = outer.field();
        if (kind == 1) {
            fuzz::require(!call.create_seen);
            call.create_seen = true;
            return;
        }
        fuzz::require(call.created);
        std::int64_t wire_offset = -1;
        std::vector<std::string> rows;
        for (wire::protobuf_reader in(outer.bytes()); in.next();) {
            if (in.field() == 1) {
                wire_offset = in.int64();
            } else if (kind == 2) {
                rows.emplace_back(in.bytes());
            } else {
                for (wire::protobuf_reader batch(in.bytes()); batch.next();) rows.emplace_back(batch.bytes());
            }
        }
        fuzz::require(wire_offset == static_cast<std::int64_t>(call.requests.size()) && !rows.empty());
        call.requests.push_back(std::move(rows));
    }
    void perform(const zerobus::half_close& a) {
        const auto found = calls_.find(a.call);
        if (found == calls_.end()) return;
        fuzz::require(found->second.created && !found->second.half_closed);
        found->second.half_closed = true;
    }
    void perform(const zerobus::cancel_call& a) { calls_.erase(a.call); }
    void perform(const zerobus::renew_token&) { renewing_ = true; }

    void handle(const zerobus::input& in) { (void)stream_.handle(in, now_); }
    void respond(std::uint64_t id, const std::string& bytes) {
        const fuzz::exact_bytes exact({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
        handle(zerobus::response{id, exact.text()});
    }

    // ---- operations

    void add() {
        zerobus::record_batch batch;
        std::vector<std::string> rows;
        for (unsigned n = in_.next(7); n > 0; --n) {
            rows.push_back(row(static_cast<std::int64_t>(added_.size() + rows.size()), in_.next(5) == 0));
            batch.append(rows.back());
        }
        const auto [range, bad] = stream_.add(std::move(batch));
        if (bad) return;
        fuzz::require(range.begin == static_cast<std::int64_t>(added_.size()));
        added_.insert(added_.end(), rows.begin(), rows.end());
        fuzz::require(range.end == static_cast<std::int64_t>(added_.size()));
    }

    std::uint64_t some_call() {
        if (calls_.empty() || in_.next(16) == 0) return in_.next(8); // one that has ended, or never was
        return std::next(calls_.begin(), in_.next(static_cast<unsigned>(calls_.size())))->first;
    }
    std::vector<std::uint64_t> call_ids() const {
        std::vector<std::uint64_t> out;
        out.reserve(calls_.size());
        for (const auto& [id, call] : calls_) out.push_back(id);
        return out;
    }
    server_call* find(std::uint64_t id) {
        const auto found = calls_.find(id);
        return found == calls_.end() ? nullptr : &found->second;
    }

    void open(std::uint64_t id) {
        if (server_call* const call = find(id)) call->opened = true;
        handle(zerobus::opened{id});
        poll(2);
        server_call* const call = find(id);
        if (call == nullptr || !call->create_seen || call->created || in_.next(4) == 0) return;
        call->created = true;
        respond(id, created());
    }

    void store(std::uint64_t id, std::size_t most) {
        server_call* const call = find(id);
        if (call == nullptr) return;
        for (; most > 0 && call->stored < call->requests.size(); --most) {
            const auto& request = call->requests[call->stored];
            if (std::any_of(request.begin(), request.end(), is_bad)) return end(id, 3);
            for (const std::string& r : request) {
                // First storage is in order: nothing in front of it is still to come.
                if (stored_.insert(r).second) {
                    fuzz::require(offset_of(r) > last_stored_);
                    for (std::int64_t o = last_stored_ + 1; o < offset_of(r); ++o)
                        fuzz::require(refused_alone_.count(o) == 1);
                    last_stored_ = offset_of(r);
                }
            }
            ++call->stored;
        }
    }

    void acknowledge(std::uint64_t id) {
        server_call* const call = find(id);
        if (call == nullptr || call->stored == 0) return;
        call->acknowledged = call->stored;
        respond(id, ack(static_cast<std::int64_t>(call->stored) - 1));
    }

    // Only what can be seen to be a lie: an ack of what was sent and not stored is a server that loses rows.
    void lie(std::uint64_t id) {
        const server_call* const call = find(id);
        const auto sent = call == nullptr ? 0 : static_cast<std::int64_t>(call->requests.size());
        const auto durable = call == nullptr ? 0 : static_cast<std::int64_t>(call->acknowledged);
        switch (in_.next(7)) {
        case 0: respond(id, ack(sent + in_.next(3))); break;
        case 1: respond(id, ack(durable - 2 - static_cast<std::int64_t>(in_.next(3)))); break;
        case 2: respond(id, ack(INT64_MIN)); break;
        case 3: respond(id, message([](auto& w) { w.nested(2, [] {}); })); break;
        case 4: respond(id, message([](auto& w) { w.nested(1, [] {}); })); break;
        case 5: respond(id, call != nullptr && call->opened && !call->created ? ack(0) : created()); break;
        default: return nonsense(id);
        }
        if (call == nullptr) return;
        poll(1'000);
        fuzz::require(find(id) == nullptr); // a liar is not listened to any longer
    }

    // Any bytes that are no good answer by chance.
    void nonsense(std::uint64_t id) {
        const std::string bytes = in_.next_bytes(in_.next(12));
        const auto parsed = zerobus::parse_response(bytes);
        if (parsed.ok() && std::holds_alternative<zerobus::ingest_record_response>(parsed.value)) return;
        if (parsed.ok() && std::holds_alternative<zerobus::create_ingest_stream_response>(parsed.value)) return;
        respond(id, bytes);
    }

    void end(std::uint64_t id, int status) {
        if (const server_call* const call = find(id)) {
            if (status == 3 && call->created && call->rows_in_flight() == 1)
                refused_alone_.insert(offset_of(call->requests.back().front()));
            calls_.erase(id);
        }
        handle(zerobus::call_ended{id, static_cast<wire::grpc_status>(status), {}, "words"});
    }

    void signal(std::uint64_t id) {
        const auto time = static_cast<std::int64_t>(in_.next(4));
        if (in_.next(4) == 0) return respond(id, message([](auto& w) { w.nested(3, [] {}); }));
        respond(id, message([&](auto& w) { w.nested(3, [&] { w.nested(1, [&] { w.int64(1, time); }); }); }));
    }

    void give_token() {
        renewing_ = false;
        handle(zerobus::token_renewed{});
    }
    void token() {
        switch (in_.next(4)) {
        case 0: give_token(); break; // asked for or not
        case 1:
            renewing_ = false;
            handle(zerobus::token_unavailable{"later"});
            break;
        default:
            if (renewing_) give_token();
        }
    }
    void rarely() {
        switch (in_.next(32)) {
        case 0: stream_.close(); break;
        case 1: handle(zerobus::token_refused{"no"}); break;
        case 2:
            stream_.abandon();
            abandoned_ = true;
            break;
        default: now_ += std::chrono::seconds(1);
        }
    }

    // What a good server does about a call; false when there is nothing.
    bool serve(std::uint64_t id) {
        server_call* call = find(id);
        if (call == nullptr) return false;
        if (!call->opened) {
            call->opened = true;
            handle(zerobus::opened{id});
            return true;
        }
        if (call->create_seen && !call->created) {
            call->created = true;
            respond(id, created());
            return true;
        }
        if (call->stored < call->requests.size()) {
            store(id, 1'000);
            call = find(id);
            if (call == nullptr) return true; // refused
        }
        if (call->acknowledged < call->stored) {
            acknowledge(id);
            return true;
        }
        if (call->half_closed) {
            end(id, 0);
            return true;
        }
        return false;
    }

    input_bytes& in_;
    zerobus::ingest_stream stream_;
    time_point now_{};
    std::map<std::uint64_t, server_call> calls_; // that neither side has ended
    std::uint64_t last_call_ = 0;
    bool renewing_ = false, failed_ = false, abandoned_ = false;

    std::vector<std::string> added_;       // by logical offset
    std::size_t reported_ = 0;             // of these, in durable or row_rejected
    std::set<std::string> stored_;         // durable, in truth
    std::int64_t last_stored_ = -1;        // the highest
    std::set<std::int64_t> refused_alone_; // rows that a call with nothing else in flight was ended for
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input_bytes in({data, size});
    world w(in);
    while (!in.empty()) w.operate();
    w.settle();
    return 0;
}
