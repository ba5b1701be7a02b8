// Sequences of operations on pubsub::subscription: what an I/O, a server and a user might do, sensible or not. Credits
// stay within their bounds, a closed machine asks for nothing, polling comes to rest, and mistakes change nothing.
#include "fuzz.hpp"

#include <sfcdc/pubsub/subscription.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <variant>

using namespace sfcdc;
using namespace sfcdc::pubsub;
using namespace std::chrono_literals;

namespace {

class bytes_left {
  public:
    explicit bytes_left(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    unsigned next() {
        if (bytes_.empty()) return 0;
        const unsigned byte = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return byte;
    }
    std::string_view take(std::size_t n) {
        n = std::min(n, bytes_.size());
        const auto taken = bytes_.first(n);
        bytes_ = bytes_.subspan(n);
        return {reinterpret_cast<const char*>(taken.data()), n};
    }

  private:
    std::span<const std::uint8_t> bytes_;
};

// A well-formed response with so many events, the answer to some commit perhaps.
std::string response_of(unsigned events, std::int64_t pending, unsigned n) {
    const std::string id(1 + n % 12, static_cast<char>('a' + n % 26));
    std::string out;
    {
        wire::appender to(out);
        wire::protobuf_writer write(to);
        for (unsigned i = 0; i < events; ++i)
            write.nested(1, [&] { write.bytes(2, n % 7 == 0 ? std::string() : id); });
        if (n % 3 != 0) write.bytes(2, id);
        write.int64(4, pending);
        if (n % 4 == 0) write.nested(5, [&] { write.bytes(1, id); });
    }
    return out;
}

struct world {
    subscription sub;
    const subscription_options limits;
    time_point now{};
    std::uint64_t call = 0, held = 0;
    bool standing = false;      // there is a call that was opened and neither ended nor cancelled
    std::uint64_t requests = 0; // of this call
    const bool managed;

    explicit world(const subscription_options& o) : sub(o), limits(o), managed(o.topic_name.empty()) {}

    void check() const {
        fuzz::require(sub.outstanding() <= limits.credits && sub.outstanding() <= 100);
        fuzz::require(sub.outstanding() + sub.unreleased() <= limits.max_unreleased);
        fuzz::require(sub.unreleased() == held);
        fuzz::require(sub.state() == subscription_state::streaming || sub.outstanding() == 0);
    }
    void poll_events() {
        while (const auto event = sub.poll_event())
            if (const auto* got = std::get_if<received>(&*event)) {
                std::size_t n = 0;
                for (const auto& e : got->response.events) n += e.replay_id.size() <= limits::replay_id_bytes;
                fuzz::require(n == got->response.events.size() && n > 0);
                held += n;
            }
    }
    void perform(const action& a) {
        if (const auto* open = std::get_if<open_call>(&a)) {
            fuzz::require(!standing && open->call == call + 1);
            call = open->call;
            standing = true;
            requests = 0;
        } else if (const auto* cancel = std::get_if<cancel_call>(&a)) {
            fuzz::require(standing && cancel->call == call);
            standing = false;
        } else if (const auto* send = std::get_if<send_request>(&a)) {
            fuzz::require(standing && send->call == call);
            request_is_right(send->bytes);
            ++requests;
        } else {
            fuzz::require(!standing && std::get<renew_token>(a).call == call);
        }
    }
    void request_is_right(std::string_view bytes) const {
        std::int64_t num_requested = 0;
        bool names = false, starts = false, commits = false;
        wire::protobuf_reader in(bytes);
        while (in.next()) {
            if (in.field() == (managed ? 3u : 4u)) num_requested = in.int64();
            names |= in.field() == 1 || (managed && in.field() == 2);
            starts |= !managed && (in.field() == 2 || in.field() == 3);
            commits |= managed && in.field() == 5;
        }
        fuzz::require(!in.error() && num_requested <= 100);
        fuzz::require(num_requested > 0 || commits);
        if (managed)
            fuzz::require(names == (requests == 0) && (requests != 0 || !commits));
        else
            fuzz::require(names && (requests == 0 || !starts));
    }
    // Until there is nothing to do, which must come soon.
    void run() {
        for (int i = 0;; ++i) {
            fuzz::require(i < 10);
            poll_events();
            const bool was_closed = sub.closed();
            const auto action = sub.poll_action(now);
            if (!action) break;
            fuzz::require(!was_closed);
            perform(*action);
            check();
        }
        poll_events();
        check();
        if (const auto timeout = sub.poll_timeout()) fuzz::require(*timeout > now);
        if (sub.state() == subscription_state::closed) fuzz::require(sub.closed() && !sub.poll_timeout());
    }
    void handle(const input& in) {
        const auto before = sub.state();
        const auto outstanding = sub.outstanding();
        const errc mistake = sub.handle(in, now);
        if (mistake != errc::none)
            fuzz::require(!sub.poll_event() && sub.state() == before && sub.outstanding() == outstanding);
        poll_events();
        check();
    }
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bytes_left in({data, size});
    const unsigned kind = in.next();
    subscription_options options;
    options.credits = 1 + in.next() % 100;
    options.max_unreleased = options.credits + in.next();
    options.seed = kind;
    if (kind % 8 != 0) options.patience.attempts = 1 + kind % 8;
    if (kind & 8)
        options.developer_name = "name";
    else {
        options.topic_name = "/data/ChangeEvents";
        options.preset = kind & 16 ? replay_preset::earliest : replay_preset::latest;
    }
    world w(options);

    while (!in.empty()) {
        const unsigned op = in.next();
        const std::uint64_t call = op & 0x80 ? in.next() : w.call; // mostly the one that stands
        switch (op % 16) {
        case 0: w.run(); break;
        case 1: w.handle(opened{call}); break;
        case 2: w.handle(response{call, in.take(in.next())}); break;
        case 3:
        case 4: {
            const unsigned events = in.next() % 120, pending = in.next();
            const std::string bytes = response_of(events, static_cast<std::int64_t>(pending) - 20, in.next());
            w.handle(response{call, bytes});
            break;
        }
        case 5: {
            const auto& known = error_code_remedies[in.next() % std::size(error_code_remedies)];
            if (call == w.call && w.call != 0) w.standing = false;
            w.handle(call_ended{call, static_cast<wire::grpc_status>(in.next() % 18), known.code, "text"});
            break;
        }
        case 6: {
            if (call == w.call && w.call != 0) w.standing = false;
            w.handle(call_ended{call, static_cast<wire::grpc_status>(in.next() % 18)});
            break;
        }
        case 7: w.handle(token_renewed{}); break;
        case 8: w.handle(token_refused{}); break;
        case 9: w.handle(token_unavailable{}); break;
        case 10: {
            const std::uint64_t n = in.next();
            if (w.sub.release(n) == errc::none)
                w.held -= n;
            else
                fuzz::require(n > w.held);
            w.check();
            break;
        }
        case 11: static_cast<void>(w.sub.commit(replay_id::from_bytes(in.take(in.next() % 12)).value)); break;
        case 12:
            static_cast<void>(w.sub.choose(static_cast<replay_preset>(in.next() % 3),
                                           replay_id::from_bytes(in.take(in.next() % 4)).value));
            break;
        case 13: w.now += std::chrono::seconds(in.next()); break;
        case 14:
            w.run(); // as a loop does it: nothing is overslept
            if (const auto timeout = w.sub.poll_timeout()) w.now = std::max(w.now, *timeout);
            w.run();
            break;
        default:
            if (in.next() == 255) w.sub.close();
            break;
        }
        w.check();
    }

    // Left alone by everybody it comes to rest, or does nothing but try again at growing distances.
    for (int i = 0; i < 20; ++i) {
        w.run();
        const auto timeout = w.sub.poll_timeout();
        if (!timeout) break;
        w.now = *timeout;
    }
    w.sub.close();
    w.run();
    fuzz::require(w.sub.closed() && !w.standing);
    return 0;
}
