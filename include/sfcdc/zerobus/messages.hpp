// The messages of EphemeralStream, the one call of Zerobus: requests are appended to a buffer of the caller's, responses
// are read as views. Names and numbers are those of proto/zerobus_service.proto.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/protobuf.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::zerobus {

// ---- requests -------------------------------------------------------------------------------------------------------

// RecordType of the .proto file: the form of a stream's rows.
enum class record_type : std::uint8_t { proto = 1, json = 2 };

// Returns the name of a type as the .proto file spells it ("PROTO"); "UNKNOWN" for a number that names none.
constexpr std::string_view to_string(record_type value) noexcept {
    switch (value) {
    case record_type::proto: return "PROTO";
    case record_type::json: return "JSON";
    }
    return "UNKNOWN";
}

// catalog.schema.table, none of them empty.
constexpr bool is_table_name(std::string_view name) noexcept {
    return std::count(name.begin(), name.end(), '.') == 2 && name.front() != '.' && name.back() != '.'
           && name.find("..") == std::string_view::npos;
}

// What opens a stream.
struct create_ingest_stream_request {
    std::string_view table_name;
    std::string_view descriptor_proto; // serialised google.protobuf.DescriptorProto of a row; not sent for JSON
    zerobus::record_type record_type = zerobus::record_type::proto;
};

// Records that travel in one request, kept as the message that they are on the wire: ProtoEncodedRecordBatch and
// JsonRecordBatch have the same form. Owns its bytes.
class record_batch {
  public:
    record_batch() = default;
    record_batch(const record_batch&) = default;
    record_batch& operator=(const record_batch&) = default;
    // The one that was moved from is empty, and can be filled again.
    record_batch(record_batch&& other) noexcept
        : message_(std::exchange(other.message_, {})),
          descriptor_(std::exchange(other.descriptor_, {})),
          size_(std::exchange(other.size_, 0)),
          record_bytes_(std::exchange(other.record_bytes_, 0)) {}
    record_batch& operator=(record_batch&& other) noexcept {
        message_ = std::exchange(other.message_, {});
        descriptor_ = std::exchange(other.descriptor_, {});
        size_ = std::exchange(other.size_, 0);
        record_bytes_ = std::exchange(other.record_bytes_, 0);
        return *this;
    }

    // A serialised protobuf message, or the text of a JSON object; copied.
    void append(std::string_view record) {
        wire::appender out(message_);
        wire::protobuf_writer(out).bytes(1, record);
        ++size_;
        record_bytes_ += record.size();
    }

    // Says of which message type the records are, as a serialised DescriptorProto (row::descriptor_proto()), which is shared with the
    // caller. Null, which it is without this call: they are of the type that the stream's options name.
    void describe(std::shared_ptr<const std::string> descriptor_proto) { descriptor_ = std::move(descriptor_proto); }
    const std::shared_ptr<const std::string>& descriptor() const noexcept { return descriptor_; }

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    // Of the records alone, which is what Databricks' limit for a request counts.
    std::size_t record_bytes() const noexcept { return record_bytes_; }
    std::string_view message() const noexcept { return message_; }

    // Goes over the records, as views that live as long as the batch is not changed.
    class iterator {
      public:
        explicit iterator(std::string_view message) noexcept : rest_(message) { ++*this; }
        std::string_view operator*() const noexcept { return rest_.bytes(); }
        iterator& operator++() noexcept {
            more_ = rest_.next();
            return *this;
        }
        bool operator==(std::default_sentinel_t) const noexcept { return !more_; }

      private:
        wire::protobuf_reader rest_;
        bool more_ = false;
    };
    iterator begin() const noexcept { return iterator(message_); }
    std::default_sentinel_t end() const noexcept { return {}; }

  private:
    std::string message_;
    std::shared_ptr<const std::string> descriptor_{};
    std::size_t size_ = 0;
    std::size_t record_bytes_ = 0;
};

// Appends an EphemeralStreamRequest with create_stream.
inline void append_request(const create_ingest_stream_request& create, std::string& out) {
    wire::appender to(out);
    wire::protobuf_writer w(to);
    w.nested(1, [&] {
        w.bytes(1, create.table_name);
        if (create.record_type == record_type::proto) w.bytes(3, create.descriptor_proto);
        w.varint(4, static_cast<std::uint64_t>(create.record_type));
    });
}

// Appends an EphemeralStreamRequest with the records: ingest_record for one, ingest_record_batch for more, as the
// official clients do. `offset_id` counts the requests of a call from 0; a batch takes one, and 0 is written like any
// other. A server refuses a batch of no records.
inline void append_request(std::int64_t offset_id, record_type type, const record_batch& records, std::string& out) {
    const auto offset = static_cast<std::uint64_t>(offset_id);
    const std::uint32_t field = type == record_type::json ? 3 : 2; // of both `record` and `batch`
    const bool single = records.size() == 1;
    const std::string_view body = single ? *records.begin() : records.message();
    wire::appender to(out);
    wire::protobuf_writer w(to);
    // Tags of these fields take one byte. The length is known beforehand, so that the body is moved once.
    w.head(single ? 2 : 3, 1 + wire::varint_size(offset) + 1 + wire::varint_size(body.size()) + body.size());
    w.varint(1, offset);
    w.bytes(field, body);
}

// ---- responses ------------------------------------------------------------------------------------------------------

// The server has created the stream, for one call. Its view looks into the message.
struct create_ingest_stream_response {
    std::optional<std::string_view> stream_id;
};

// The server acknowledges requests.
struct ingest_record_response {
    // Every request up to and including this offset of the call is durable. What it says is not checked here.
    std::optional<std::int64_t> durability_ack_up_to_offset;
};

// google.protobuf.Duration, as it came: both may be negative, or far too large.
struct duration {
    std::int64_t seconds = 0;
    std::int32_t nanos = 0;
    friend bool operator==(const duration&, const duration&) = default;
};

// The server will close the call after this time.
struct close_stream_signal {
    std::optional<zerobus::duration> duration; // absent: the server closes now
};

// EphemeralStreamResponse.payload; monostate where a response has none that is known. Views of the bytes parsed.
using ephemeral_stream_response =
    std::variant<std::monostate, create_ingest_stream_response, ingest_record_response, close_stream_signal>;

namespace detail {

// Each reads a message on top of what is known already: as protobuf has it, a message that comes twice is merged.

inline error read(std::string_view message, create_ingest_stream_response& out) {
    wire::protobuf_reader in(message);
    while (in.next())
        if (in.is(1, wire::wire_type::length_delimited)) out.stream_id = in.bytes();
    return in.error();
}

inline error read(std::string_view message, ingest_record_response& out) {
    wire::protobuf_reader in(message);
    while (in.next())
        if (in.is(1, wire::wire_type::varint)) out.durability_ack_up_to_offset = in.int64();
    return in.error();
}

inline error read(std::string_view message, duration& out) {
    wire::protobuf_reader in(message);
    while (in.next()) {
        if (in.is(1, wire::wire_type::varint)) out.seconds = in.int64();
        if (in.is(2, wire::wire_type::varint)) out.nanos = in.int32();
    }
    return in.error();
}

// An error's offset counts from the start of the outermost message.
inline error within(std::string_view outer, std::string_view inner, error bad) {
    if (bad) bad.offset += static_cast<std::uint32_t>(inner.data() - outer.data());
    return bad;
}

inline error read(std::string_view message, close_stream_signal& out) {
    wire::protobuf_reader in(message);
    while (in.next()) {
        if (!in.is(1, wire::wire_type::length_delimited)) continue;
        if (!out.duration) out.duration.emplace();
        if (const error bad = within(message, in.bytes(), read(in.bytes(), *out.duration))) return bad;
    }
    return in.error();
}

// The member of a oneof: another member that was there is gone.
template<class T> error read_member(std::string_view message, ephemeral_stream_response& out) {
    if (!std::holds_alternative<T>(out)) out.emplace<T>();
    return read(message, std::get<T>(out));
}

} // namespace detail

// Reads an EphemeralStreamResponse. Unknown fields are stepped over. Errors: message_truncated, message_bad_tag,
// varint_too_long, with the byte of `message`.
inline result<ephemeral_stream_response> parse_response(std::string_view message) {
    ephemeral_stream_response out;
    wire::protobuf_reader in(message);
    while (in.next()) {
        error bad;
        if (in.is(1, wire::wire_type::length_delimited))
            bad = detail::read_member<create_ingest_stream_response>(in.bytes(), out);
        else if (in.is(2, wire::wire_type::length_delimited))
            bad = detail::read_member<ingest_record_response>(in.bytes(), out);
        else if (in.is(3, wire::wire_type::length_delimited))
            bad = detail::read_member<close_stream_signal>(in.bytes(), out);
        if (bad) return {{}, detail::within(message, in.bytes(), bad)};
    }
    return {out, in.error()};
}

} // namespace sfcdc::inline v0::zerobus
