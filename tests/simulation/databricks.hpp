// A model of Zerobus for one table: EphemeralStream calls, a lake that becomes durable a while after the bytes came, and
// tokens. It speaks bytes, and holds the client to the rules of facts.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/wire/protobuf.hpp>

#include "dice.hpp"
#include "journal.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "schedule.hpp"

namespace simulation {

class databricks {
  public:
    struct bounds { // what the client promised to keep to
        std::size_t requests;
        std::size_t bytes;
    };

    databricks(schedule& clock, dice& random, journal& log, network& net, ledger& truth, std::uint32_t table,
               bounds most)
        : clock_(clock), random_(random), log_(log), net_(net), truth_(truth), table_(table), most_(most) {}

    static std::string table_name(std::uint32_t table) { return "main.sfdc.table_" + std::to_string(table); }

    // ---- calls, as they reach the service

    static connection_ptr make_call() { return std::make_shared<call>(); }
    void open(const connection_ptr& on, std::uint64_t token) {
        auto c = std::static_pointer_cast<call>(on);
        net_.to_service(on, [this, c, token] {
            if (unreachable) return net_.end(c, {grpc_unavailable, {}});
            accept(c, token);
        });
    }
    void receive(const connection_ptr& on, std::string bytes) {
        auto c = std::static_pointer_cast<call>(on);
        note_sent(*c, bytes);
        net_.to_service(on, [this, c, bytes = std::move(bytes)] { request(c, bytes); });
    }
    void half_close(const connection_ptr& on) {
        auto c = std::static_pointer_cast<call>(on);
        net_.to_service(on, [this, c] {
            log_.note("table %u: call %llu is half-closed", table_, number(c));
            c->half_closed = true;
            // Some servers do not wait for what they have not stored yet.
            if (!gentle && random_.one_in(10)) return lose(c, {grpc_ok, {}});
            settle(c);
        });
    }
    void cancel(const connection_ptr& on) {
        auto c = std::static_pointer_cast<call>(on);
        net_.cancel(on, [this, c] {
            c->over = true;
            store_some(*c);
        });
    }
    // An answer was handed to the runner, which knows now what is durable.
    // True when something new is.
    bool handed_over(const connection_ptr& on, std::string_view bytes) {
        auto c = std::static_pointer_cast<call>(on);
        const std::optional<std::int64_t> ack = ack_in(bytes);
        if (!ack || *ack >= static_cast<std::int64_t>(c->sent.size()) || *ack < c->confirmed) return false;
        for (; c->confirmed <= *ack; ++c->confirmed)
            for (const std::int64_t row : c->sent[static_cast<std::size_t>(c->confirmed)])
                truth_.confirmed(table_, row);
        token_refusals_ = faulty_responses_ = 0;
        return true;
    }

    std::uint64_t new_token() { return ++tokens_; }
    bool login_down = false, login_refused = false;
    // Something happened for which a client may end for good.
    bool may_give_up = false;

    // ---- what may go wrong; each with whether there was something to do it to

    bool end_with(int grpc_code) {
        return on_call([&](const auto& c) {
            // INVALID_ARGUMENT says that a row is bad, and nobody could know better: only request() says so.
            judge(grpc_code);
            lose(c, {grpc_code == grpc_invalid_argument ? grpc_internal : grpc_code, {}});
        });
    }
    bool reset() {
        return on_call([&](const auto& c) {
            store_some(*c);
            net_.end(c, {grpc_unavailable, {}}, true);
        });
    }
    bool go_silent() {
        return on_call([&](const auto& c) { c->dead = true; });
    }
    bool expire_token() {
        first_valid_token_ = tokens_ + 1;
        return on_call([&](const auto& c) {
            judge(grpc_unauthenticated);
            lose(c, {grpc_unauthenticated, {}});
        });
    }
    // The next call ends with this before it is a stream.
    void refuse_next_call(int grpc_code) { refuse_next_ = grpc_code; }
    bool rotate() {
        return on_call([&](const auto& c) { close_signal(c); });
    }
    // Acknowledgements that no good server sends.
    bool acknowledge_wrongly() {
        return on_call([&](const auto& c) {
            if (++faulty_responses_ >= 4) may_give_up = true; // the client's budget is five
            switch (random_.below(7)) {
            case 0: return acknowledge(c, std::int64_t{1'000'000'000}); // beyond anything sent
            case 1: return acknowledge(c, -1);
            case 2: return acknowledge(c, c->acknowledged - random_.between(0, 5)); // again, or going back
            case 3: return acknowledge(c, std::nullopt);
            case 4: return net_.to_runner(c, {});                 // no payload at all
            case 5: return net_.to_runner(c, "\x0b\x12\x02\x08"); // not a message
            default: return created(c);                           // a second time
            }
        });
    }
    bool unreachable = false;      // no call gets through
    bool gentle = false;           // no call is closed before what it holds is acknowledged
    bool storms = false;           // calls are accepted and fail at once
    bool mute = false;             // create_stream gets no answer
    duration storage_delay = 50ms; // from the bytes to the lake

    void heal() {
        unreachable = storms = mute = login_down = login_refused = false;
        refuse_next_.reset();
        storage_delay = 50ms;
    }

    std::uint64_t calls() const { return calls_; }

  private:
    struct stored_request {
        std::vector<std::uint32_t> rows;
        std::size_t bytes;
        time_point durable_at;
    };
    struct call : connection {
        bool created = false;
        std::string descriptor; // of its rows
        bool half_closed = false;
        bool refused = false;      // a row of it cannot be stored
        bool closing = false;      // it was told to go
        std::int64_t expected = 0; // the offset of the next request
        std::int64_t stored = -1;
        std::int64_t acknowledged = -1;
        std::deque<stored_request> waiting; // behind `stored`
        std::size_t waiting_bytes = 0;
        time_point last_durable{};
        bool settling = false, acknowledging = false; // something is planned
        // What the runner sent, whether it arrived or not: for each offset the numbers of its rows in the ledger.
        std::vector<std::vector<std::int64_t>> sent;
        std::int64_t last_sent = -1;
        std::int64_t confirmed = 0; // so many offsets
    };
    using call_ptr = std::shared_ptr<call>;

    static unsigned long long number(const call_ptr& c) { return c->number; }

    // After some codes Databricks' own clients do not try again; after those about tokens, they do with a new one. The client
    // has four of them, and an acknowledgement on its way may have taken one off the count here and not there.
    void judge(int grpc_code) {
        const bool about_token = grpc_code == grpc_unauthenticated || grpc_code == grpc_permission_denied;
        constexpr int final[] = {grpc_invalid_argument, grpc_not_found, grpc_out_of_range, grpc_unimplemented};
        may_give_up = may_give_up || (about_token && ++token_refusals_ > 3)
                      || std::find(std::begin(final), std::end(final), grpc_code) != std::end(final);
    }

    template<class Do> bool on_call(Do&& what) {
        if (current_ == nullptr || current_->over || current_->dead || !current_->created) return false;
        what(current_);
        return true;
    }

    void accept(const call_ptr& c, std::uint64_t token) {
        ++calls_;
        log_.note("table %u: call %llu with token %llu", table_, number(c), static_cast<unsigned long long>(token));
        std::optional<int> refusal = std::exchange(refuse_next_, std::nullopt);
        if (!refusal && token < first_valid_token_) refusal = grpc_unauthenticated;
        if (refusal) {
            judge(*refusal);
            return net_.end(c, {*refusal, {}});
        }
        if (mute && random_.one_in(2)) c->dead = true;
        net_.opened(c);
    }

    struct parsed {
        bool create = false;
        std::string_view table_name, descriptor;
        std::uint64_t record_type = 0;
        std::optional<std::int64_t> offset;
        std::vector<std::uint32_t> rows;
        std::size_t bytes = 0;
    };
    parsed parse(std::string_view message) {
        using sfcdc::wire::protobuf_reader;
        parsed p;
        const auto add_row = [&](std::string_view record) {
            if (record.size() < 4 || number_in(record) >= truth_.rows().size()
                || record != truth_.row_bytes(number_in(record)))
                log_.fail("table %u: what came is not a row that was sent", table_);
            p.rows.push_back(number_in(record));
            p.bytes += record.size();
        };
        protobuf_reader in(message);
        while (in.next()) {
            protobuf_reader body(in.bytes());
            while (body.next()) {
                if (in.field() == 1) {
                    p.create = true;
                    if (body.field() == 1) p.table_name = body.bytes();
                    if (body.field() == 3) p.descriptor = body.bytes();
                    if (body.field() == 4) p.record_type = body.number();
                } else if (body.field() == 1) {
                    p.offset = body.int64();
                } else if (in.field() == 2 && body.field() == 2) {
                    add_row(body.bytes());
                } else if (in.field() == 3 && body.field() == 2) {
                    protobuf_reader batch(body.bytes());
                    while (batch.next()) add_row(batch.bytes());
                    if (batch.error()) log_.fail("table %u: a batch is not a message", table_);
                } else {
                    log_.fail("table %u: a request with field %u in %u", table_, body.field(), in.field());
                }
            }
            if (body.error()) log_.fail("table %u: a request is not a message", table_);
        }
        if (in.error()) log_.fail("table %u: a request is not a message", table_);
        return p;
    }

    // The moment at which the runner lets the bytes go.
    void note_sent(call& c, std::string_view bytes) {
        parsed p = parse(bytes);
        if (p.create) return;
        if (p.offset != static_cast<std::int64_t>(c.sent.size()))
            log_.fail("table %u: offset %lld was sent, %zu is next", table_,
                      static_cast<long long>(p.offset.value_or(-1)), c.sent.size());
        if (p.rows.empty()) log_.fail("table %u: a request without rows", table_);
        std::vector<std::int64_t> numbers;
        for (const std::uint32_t r : p.rows) {
            if (truth_.rows()[r].table != table_) log_.fail("row %u came to table %u", r, table_);
            truth_.sent(table_, r, c.last_sent);
            numbers.push_back(c.last_sent);
        }
        c.sent.push_back(std::move(numbers));
    }

    void request(const call_ptr& c, std::string_view bytes) {
        parsed p = parse(bytes);
        if (p.create) {
            if (p.table_name != table_name(table_)) log_.fail("create_stream for another table");
            c->descriptor = p.descriptor;
            if (current_ != nullptr && !current_->over && current_->left) {
                store_some(*current_);
                current_->over = true; // what it still has under way comes too late
            }
            if (mute) return;
            current_ = c;
            created(c);
            if (storms) return clock_.after(10ms, [this, c] { lose(c, {grpc_internal, {}}); });
            clock_.after(15min, [this, c] {
                if (!c->over && !c->closing) close_signal(c);
            });
            return;
        }
        if (!c->created) log_.fail("table %u: rows on a call that was not opened", table_);
        for (const std::uint32_t r : p.rows)
            if (truth_.descriptor_of(r) != c->descriptor)
                log_.fail("table %u: row %u is of another message type than call %llu", table_, r, number(c));
        ++c->expected;
        const auto poison =
            std::find_if(p.rows.begin(), p.rows.end(), [&](auto r) { return truth_.rows()[r].poison; });
        if (c->refused) return; // it is on its way to its end
        if (poison != p.rows.end()) {
            c->refused = true;
            log_.note("table %u: call %llu has poison row %u in request %lld", table_, number(c), *poison,
                      static_cast<long long>(c->expected - 1));
            return settle(c);
        }
        c->waiting_bytes += p.bytes;
        c->last_durable = std::max(c->last_durable, clock_.now() + storage_delay);
        c->waiting.push_back({std::move(p.rows), p.bytes, c->last_durable});
        const auto behind = static_cast<std::size_t>(c->expected - 1 - c->acknowledged);
        if (behind > most_.requests || c->waiting_bytes > most_.bytes)
            log_.fail("table %u: %zu requests with %zu bytes are in flight", table_, behind, c->waiting_bytes);
        settle(c);
    }

    void created(const call_ptr& c) {
        c->created = true;
        std::string message;
        {
            sfcdc::wire::appender to(message);
            sfcdc::wire::protobuf_writer write(to);
            write.nested(1, [&] { write.bytes(1, "stream-" + std::to_string(calls_)); });
        }
        net_.to_runner(c, std::move(message));
    }

    void acknowledge(const call_ptr& c, std::optional<std::int64_t> offset) {
        log_.note("table %u: call %llu acknowledges %lld", table_, number(c),
                  static_cast<long long>(offset.value_or(-99)));
        std::string message;
        {
            sfcdc::wire::appender to(message);
            sfcdc::wire::protobuf_writer write(to);
            write.nested(2, [&] {
                if (offset) write.int64(1, *offset);
            });
        }
        net_.to_runner(c, std::move(message));
    }
    static std::optional<std::int64_t> ack_in(std::string_view message) {
        std::optional<std::int64_t> ack;
        sfcdc::wire::protobuf_reader in(message);
        while (in.next())
            if (in.field() == 2) {
                sfcdc::wire::protobuf_reader body(in.bytes());
                while (body.next()) ack = body.int64();
            }
        return ack;
    }

    void close_signal(const call_ptr& c) {
        c->closing = true;
        const auto grace = !gentle && random_.one_in(4) ? 0s : random_.between<std::chrono::seconds>(1s, 60s);
        log_.note("table %u: call %llu is told to go in %lld s", table_, number(c),
                  static_cast<long long>(grace.count()));
        std::string message;
        {
            sfcdc::wire::appender to(message);
            sfcdc::wire::protobuf_writer write(to);
            write.nested(3, [&] {
                if (grace > 0s) write.nested(1, [&] { write.int64(1, grace.count()); });
            });
        }
        net_.to_runner(c, std::move(message));
        clock_.after(grace + 1s, [this, c] { lose(c, {grpc_unavailable, {}}); });
    }

    void store_one(call& c) {
        for (const std::uint32_t r : c.waiting.front().rows) truth_.durable(r);
        c.waiting_bytes -= c.waiting.front().bytes;
        c.waiting.pop_front();
        ++c.stored;
    }
    // What a server does with what it has when a call is lost: it may store it, or not; in order in any case.
    void store_some(call& c) {
        for (auto n = random_.one_in(2) ? random_.below(c.waiting.size() + 1) : 0; n > 0; --n) store_one(c);
        c.waiting.clear();
    }
    void lose(const call_ptr& c, call_status status) {
        if (c->over) return;
        log_.note("table %u: call %llu ends with %d", table_, number(c), status.grpc_code);
        store_some(*c);
        net_.end(c, std::move(status));
    }

    // Stores what is due, acknowledges it in a while, and ends what is to end.
    void settle(const call_ptr& c) {
        if (c->over) return;
        while (!c->waiting.empty() && c->waiting.front().durable_at <= clock_.now()) store_one(*c);
        if (!c->waiting.empty()) {
            if (!std::exchange(c->settling, true))
                clock_.at(c->waiting.front().durable_at, [this, c] {
                    c->settling = false;
                    settle(c);
                });
        }
        if (c->stored > c->acknowledged && !std::exchange(c->acknowledging, true))
            clock_.after(random_.between<duration>(0ms, 150ms), [this, c] {
                c->acknowledging = false;
                if (c->over) return;
                acknowledge(c, c->acknowledged = c->stored);
                settle(c);
            });
        if (!c->waiting.empty()) return;
        if (c->refused) {
            // Whoever was in front may have been acknowledged, or not.
            if (c->stored == c->acknowledged || random_.one_in(2)) net_.end(c, {grpc_invalid_argument, {}});
        } else if (c->half_closed && c->stored == c->acknowledged) {
            net_.end(c, {grpc_ok, {}});
        }
    }

    schedule& clock_;
    dice& random_;
    journal& log_;
    network& net_;
    ledger& truth_;
    std::uint32_t table_;
    bounds most_;
    call_ptr current_; // the newest that was opened
    std::uint64_t calls_ = 0;
    std::uint64_t tokens_ = 0;
    std::uint64_t first_valid_token_ = 1;
    std::optional<int> refuse_next_;
    unsigned token_refusals_ = 0, faulty_responses_ = 0; // since something was acknowledged
};

} // namespace simulation
