// The Pub/Sub API's messages on the wire: what is received is seen in its bytes, what is sent is appended to a buffer.
// Names and numbers are those of proto/pubsub_api.proto. What a client does not need is left out: auth_refresh is for
// Salesforce's own use, event headers are stepped over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/protobuf.hpp>

namespace sfcdc::inline v0::pubsub {

// ---- received --------------------------------------------------------------------------------------------------------
// All are views: the bytes that were parsed must outlive them. Text is not checked to be UTF-8; rows check what they
// write. An error's offset counts from the start of the message.

// ConsumerEvent and the ProducerEvent in it.
struct consumer_event {
    std::string_view id;        // a UUID; may be missing
    std::string_view schema_id; // what `payload` is written with
    std::span<const std::byte> payload;
    std::string_view replay_id; // bytes, at most limits::replay_id_bytes; may be missing
};

// The events of a response, read as they are iterated; nothing is allocated.
class event_list {
  public:
    class iterator {
      public:
        using value_type = consumer_event;
        using difference_type = std::ptrdiff_t;

        iterator() : in_({}) {}
        iterator(std::string_view message, std::size_t size) : in_(message), left_(size + 1) { ++*this; }
        const consumer_event& operator*() const noexcept { return event_; }
        const consumer_event* operator->() const noexcept { return &event_; }
        iterator& operator++() noexcept;
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.left_ == 0; }

      private:
        wire::protobuf_reader in_;
        std::size_t left_ = 0; // with the one that the iterator stands at
        consumer_event event_;
    };

    event_list() = default;
    // `message` has been parsed: a whole FetchResponse with so many events.
    event_list(std::string_view message, std::size_t size) noexcept : message_(message), size_(size) {}

    iterator begin() const noexcept { return iterator(message_, size_); }
    std::default_sentinel_t end() const noexcept { return {}; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

  private:
    std::string_view message_;
    std::size_t size_ = 0;
};

// A response of Subscribe. Its views look into the message.
struct fetch_response {
    event_list events; // none in a keepalive
    std::string_view latest_replay_id;
    std::string_view rpc_id;
    std::int32_t pending_num_requested = 0; // credits that are left, as the server counts
    // Not on the wire: the position behind these events, which is the replay_id of the last one that has one.
    std::string_view last_replay_id;

    static result<fetch_response> parse(std::string_view message) noexcept;
};

// ErrorCode of the .proto file: what was refused.
enum class error_code : std::int32_t { unknown = 0, publish = 1, commit = 2 };

// Returns the name of a code as the .proto file spells it ("COMMIT"); "UNKNOWN" for a number that names none.
constexpr std::string_view to_string(error_code code) noexcept {
    switch (code) {
    case error_code::unknown: return "UNKNOWN";
    case error_code::publish: return "PUBLISH";
    case error_code::commit: return "COMMIT";
    }
    return "UNKNOWN";
}

// Error
struct commit_refusal {
    error_code code = error_code::unknown;
    std::string_view msg;
};

// The answer to a commit of ManagedSubscribe. Its views look into the message.
struct commit_replay_response {
    std::string_view commit_request_id;
    std::string_view replay_id;
    std::optional<commit_refusal> error; // of this commit; the stream goes on
    std::int64_t process_time = 0;       // milliseconds since the epoch
};

// A response of ManagedSubscribe: that of Subscribe, or the answer to a commit, or both.
struct managed_fetch_response : fetch_response {
    std::optional<commit_replay_response> commit_response;

    static result<managed_fetch_response> parse(std::string_view message) noexcept;
};

// The response of GetTopic. Its views look into the message.
struct topic_info {
    std::string_view topic_name;
    std::string_view tenant_guid;
    bool can_publish = false;
    bool can_subscribe = false;
    std::string_view schema_id; // blank for a channel of several entities: decode by each event's own
    std::string_view rpc_id;

    static result<topic_info> parse(std::string_view message) noexcept;
};

// The response of GetSchema. Its views look into the message.
struct schema_info {
    std::string_view schema_json;
    std::string_view schema_id;
    std::string_view rpc_id;

    static result<schema_info> parse(std::string_view message) noexcept;
};

// ---- sent ------------------------------------------------------------------------------------------------------------
// append_request() writes the message behind what `out` holds, without a length in front. Fields that have proto3's
// default are not written, so the bytes are those that generated code gives.

// Values as on the wire.
enum class replay_preset : std::uint8_t {
    latest = 0,   // from now on
    earliest = 1, // from the oldest event that is retained
    custom = 2,   // strictly behind replay_id
};

// Returns the name of a preset as the .proto file spells it ("LATEST"); "UNKNOWN" for a number that names none.
constexpr std::string_view to_string(replay_preset value) noexcept {
    switch (value) {
    case replay_preset::latest: return "LATEST";
    case replay_preset::earliest: return "EARLIEST";
    case replay_preset::custom: return "CUSTOM";
    }
    return "UNKNOWN";
}

// Topic, preset and replay id count in the first request of a call only; another topic later is an error.
struct fetch_request {
    std::string_view topic_name{};
    replay_preset preset = replay_preset::latest; // replay_preset
    std::string_view replay_id{};
    std::int32_t num_requested = 0; // credits to add, above zero
};

// A position that Salesforce is to keep for a managed subscription.
struct commit_replay_request {
    std::string_view commit_request_id{}; // a UUID of the client's choice
    std::string_view replay_id{};
};

// Exactly one of the two names in the first request; a commit in any but the first, and then without credits if need be.
struct managed_fetch_request {
    std::string_view subscription_id{};
    std::string_view developer_name{};
    std::int32_t num_requested = 0;
    std::optional<commit_replay_request> commit_replay_id_request{};
};

// The request of GetTopic.
struct topic_request {
    std::string_view topic_name{};
};

// The request of GetSchema.
struct schema_request {
    std::string_view schema_id{};
};

namespace detail {

class proto3_writer {
  public:
    explicit proto3_writer(std::string& out) : to_(out), write_(to_) {}

    proto3_writer& bytes(std::uint32_t field, std::string_view value) {
        if (!value.empty()) write_.bytes(field, value);
        return *this;
    }
    proto3_writer& number(std::uint32_t field, std::int64_t value) {
        if (value != 0) write_.int64(field, value);
        return *this;
    }
    template<class Write> void nested(std::uint32_t field, Write&& write) { write_.nested(field, write); }

  private:
    wire::appender to_;
    wire::protobuf_writer write_;
};

} // namespace detail

// Appends a request to `out`, as the bytes of one protobuf message.
inline void append_request(const fetch_request& request, std::string& out) {
    detail::proto3_writer(out)
        .bytes(1, request.topic_name)
        .number(2, static_cast<std::int64_t>(request.preset))
        .bytes(3, request.replay_id)
        .number(4, request.num_requested);
}

inline void append_request(const managed_fetch_request& request, std::string& out) {
    detail::proto3_writer write(out);
    write.bytes(1, request.subscription_id).bytes(2, request.developer_name).number(3, request.num_requested);
    if (const auto& commit = request.commit_replay_id_request)
        write.nested(5, [&] { write.bytes(1, commit->commit_request_id).bytes(2, commit->replay_id); });
}

inline void append_request(const topic_request& request, std::string& out) {
    detail::proto3_writer(out).bytes(1, request.topic_name);
}

inline void append_request(const schema_request& request, std::string& out) {
    detail::proto3_writer(out).bytes(1, request.schema_id);
}

// ---- parsing ---------------------------------------------------------------------------------------------------------

namespace detail {

// Goes over the fields of `message`, a part of `whole`, until `field` gives an error. Called once for each time that a
// nested message comes, with the same variables to fill, it merges them as protobuf has it.
template<class Field> error each_field(std::string_view message, std::string_view whole, Field&& field) noexcept {
    wire::protobuf_reader in(message);
    while (in.next())
        if (const error bad = field(in)) return bad;
    error bad = in.error();
    if (bad) bad.offset += static_cast<std::uint32_t>(message.data() - whole.data());
    return bad;
}

// Takes the field into `out` when it is this one.
inline bool take(const wire::protobuf_reader& in, std::uint32_t field, std::string_view& out) noexcept {
    const bool is = in.is(field, wire::wire_type::length_delimited);
    if (is) out = in.bytes();
    return is;
}
inline bool take(const wire::protobuf_reader& in, std::uint32_t field, std::int64_t& out) noexcept {
    const bool is = in.is(field, wire::wire_type::varint);
    if (is) out = in.int64();
    return is;
}
inline bool take(const wire::protobuf_reader& in, std::uint32_t field, std::int32_t& out) noexcept {
    const bool is = in.is(field, wire::wire_type::varint);
    if (is) out = in.int32();
    return is;
}
inline bool take(const wire::protobuf_reader& in, std::uint32_t field, bool& out) noexcept {
    const bool is = in.is(field, wire::wire_type::varint);
    if (is) out = in.number() != 0;
    return is;
}

inline error check_replay_id(std::string_view id, std::string_view whole) noexcept {
    if (id.size() <= limits::replay_id_bytes) return {};
    return {errc::replay_id_too_long, static_cast<std::uint32_t>(id.data() - whole.data())};
}

inline error read(std::string_view message, std::string_view whole, consumer_event& out) noexcept {
    return each_field(message, whole, [&](const wire::protobuf_reader& in) -> error {
        std::string_view event;
        if (take(in, 2, out.replay_id)) return check_replay_id(out.replay_id, whole);
        if (!take(in, 1, event)) return {};
        return each_field(event, whole, [&](const wire::protobuf_reader& member) -> error {
            std::string_view payload;
            if (take(member, 3, payload)) out.payload = wire::as_bytes(payload);
            take(member, 1, out.id) || take(member, 2, out.schema_id);
            return {};
        });
    });
}

inline error read(std::string_view message, std::string_view whole, commit_replay_response& out) noexcept {
    return each_field(message, whole, [&](const wire::protobuf_reader& in) -> error {
        std::string_view refusal;
        take(in, 1, out.commit_request_id) || take(in, 4, out.process_time);
        if (take(in, 2, out.replay_id)) return check_replay_id(out.replay_id, whole);
        if (!take(in, 3, refusal)) return {};
        if (!out.error) out.error.emplace();
        return each_field(refusal, whole, [&](const wire::protobuf_reader& member) -> error {
            std::int32_t code = 0;
            if (take(member, 1, code)) out.error->code = static_cast<error_code>(code);
            take(member, 2, out.error->msg);
            return {};
        });
    });
}

// Both kinds of response; field 5 is known to a managed one only.
inline error read(std::string_view message, fetch_response& out,
                  std::optional<commit_replay_response>* commit) noexcept {
    std::size_t events = 0;
    const error bad = each_field(message, message, [&](const wire::protobuf_reader& in) -> error {
        std::string_view nested;
        if (take(in, 1, nested)) {
            ++events;
            consumer_event event;
            const error bad_event = read(nested, message, event);
            if (!event.replay_id.empty()) out.last_replay_id = event.replay_id;
            return bad_event;
        }
        if (take(in, 2, out.latest_replay_id)) return check_replay_id(out.latest_replay_id, message);
        if (commit != nullptr && take(in, 5, nested))
            return read(nested, message, *commit ? **commit : commit->emplace());
        take(in, 3, out.rpc_id) || take(in, 4, out.pending_num_requested);
        return {};
    });
    out.events = event_list(message, events);
    return bad;
}

} // namespace detail

inline event_list::iterator& event_list::iterator::operator++() noexcept {
    if (--left_ == 0) return *this;
    while (in_.next() && !in_.is(1, wire::wire_type::length_delimited)) {
    }
    event_ = {};
    static_cast<void>(
        detail::read(in_.bytes(), in_.bytes(), event_)); // parse() has read the same bytes without an error
    return *this;
}

inline result<fetch_response> fetch_response::parse(std::string_view message) noexcept {
    result<fetch_response> out;
    out.error = detail::read(message, out.value, nullptr);
    return out;
}

inline result<managed_fetch_response> managed_fetch_response::parse(std::string_view message) noexcept {
    result<managed_fetch_response> out;
    out.error = detail::read(message, out.value, &out.value.commit_response);
    return out;
}

inline result<topic_info> topic_info::parse(std::string_view message) noexcept {
    result<topic_info> out;
    topic_info& info = out.value;
    out.error = detail::each_field(message, message, [&](const wire::protobuf_reader& in) -> sfcdc::error {
        using detail::take;
        take(in, 1, info.topic_name) || take(in, 2, info.tenant_guid) || take(in, 3, info.can_publish)
            || take(in, 4, info.can_subscribe) || take(in, 5, info.schema_id) || take(in, 6, info.rpc_id);
        return {};
    });
    return out;
}

inline result<schema_info> schema_info::parse(std::string_view message) noexcept {
    result<schema_info> out;
    schema_info& info = out.value;
    out.error = detail::each_field(message, message, [&](const wire::protobuf_reader& in) -> sfcdc::error {
        using detail::take;
        take(in, 1, info.schema_json) || take(in, 2, info.schema_id) || take(in, 3, info.rpc_id);
        return {};
    });
    return out;
}

} // namespace sfcdc::inline v0::pubsub
