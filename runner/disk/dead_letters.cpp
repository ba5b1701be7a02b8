#include "dead_letters.hpp"

#include "durable_file.hpp"
#include "failure.hpp"

#include <sfcdc/wire/text.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

namespace sfcdc::runner {
namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    wire::append_hex(out, wire::as_bytes(bytes));
    return out;
}

// Which event, for the log.
std::string named(const stream_config& stream, const row_origin& of) {
    return stream.topic + ": event " + of.event_id + " with replay id " + hex(of.replay_id) + " and schema "
           + of.schema_id;
}

} // namespace

dead_letters::dead_letters(const stream_config& stream) : stream_(stream) {}
dead_letters::~dead_letters() = default;

void dead_letters::event(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
                         std::uint32_t offset) {
    const row_origin of(around);
    keep(of, reason, offset, "payload", payload);
    ++events_;
    settle(named(stream_, of) + " cannot be decoded: byte " + std::to_string(offset) + ": " + std::string(reason));
}

void dead_letters::row(const row_origin& of, std::string_view record, std::string_view reason) {
    keep(of, reason, std::nullopt, "row", wire::as_bytes(record));
    ++rows_;
    settle(named(stream_, of) + " gives a row that " + stream_.table + " does not take: " + std::string(reason));
}

void dead_letters::keep(const row_origin& of, std::string_view reason, std::optional<std::uint32_t> offset,
                        const char* body_name, std::span<const std::byte> body) {
    if (!file_) file_ = std::make_unique<durable_file>(stream_.dead_letters, durable_file::mode::append);
    std::string encoded;
    wire::append_base64(encoded, body);
    nlohmann::ordered_json letter = {{"received_timestamp", of.received_timestamp},
                                     {"topic_name", stream_.topic},
                                     {"replay_id", hex(of.replay_id)},
                                     {"event_id", of.event_id},
                                     {"schema_id", of.schema_id},
                                     {"reason", reason}};
    if (offset) letter["offset"] = *offset;
    letter[body_name] = encoded;
    file_->write(letter.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    file_->sync();
}

void dead_letters::settle(const std::string& said) const {
    if (stream_.on_undecodable == undecodable_policy::stop)
        throw failure(exit_code::needs_decision,
                      said + ". The position is kept in front of it (on_undecodable = \"stop\"); it is in "
                          + stream_.dead_letters.string()
                          + ". To pass over it, run with on_undecodable = \"dead_letter\".");
    spdlog::error("{}; kept in {}", said, stream_.dead_letters.string());
}

} // namespace sfcdc::runner
