#include "dead_letters.hpp"

#include "../failure.hpp"

#include <sfcdc/wire/text.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>

namespace sfcdc::runner {
namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    wire::append_hex(out, wire::as_bytes(bytes));
    return out;
}

// How much of the file's end is read for letters that come again: what a run may have in flight, with room.
constexpr std::streamoff end_read = 64 << 20;

// What is the same when an event comes again. Empty for what is no letter, or for an event that has no name.
std::string identity(const nlohmann::ordered_json& letter) {
    if (!letter.is_object()) return {};
    std::string out;
    for (const char* const name : {"topic_name", "replay_id", "event_id"}) {
        if (!letter.contains(name) || !letter[name].is_string()) return {};
        out += letter[name].get_ref<const std::string&>() + '\n';
    }
    const bool named = !letter["replay_id"].get_ref<const std::string&>().empty()
                       || !letter["event_id"].get_ref<const std::string&>().empty();
    if (!named) return {};
    return out + (letter.contains("row_number") ? letter["row_number"].dump() : "event");
}

std::string base64(std::span<const std::byte> bytes) {
    std::string out;
    wire::append_base64(out, bytes);
    return out;
}

// Which event, for the log.
std::string named(const stream_config& stream, const row_origin& of) {
    return stream.topic + ": event " + of.event_id + " with replay id " + hex(of.replay_id) + " and schema "
           + of.schema_id;
}

} // namespace

void dead_letters::event(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
                         std::uint32_t offset) {
    const row_origin of(around, 0);
    keep(of, reason, {{"offset", offset}, {"payload", base64(payload)}});
    ++events_;
    settle(named(stream_, of) + " cannot be decoded: byte " + std::to_string(offset) + ": " + std::string(reason));
}

void dead_letters::row(const row_origin& of, std::string_view record, std::string_view reason) {
    keep(of, reason, {{"row_number", of.number}, {"row", base64(wire::as_bytes(record))}});
    ++rows_;
    settle(named(stream_, of) + " gives a row that " + stream_.table + " does not take: " + std::string(reason));
}

void dead_letters::keep(const row_origin& of, std::string_view reason, const nlohmann::ordered_json& content) {
    if (!open_) open();
    nlohmann::ordered_json letter = {{"received_timestamp", of.received_timestamp},
                                     {"topic_name", stream_.topic},
                                     {"replay_id", hex(of.replay_id)},
                                     {"event_id", of.event_id},
                                     {"schema_id", of.schema_id},
                                     {"reason", reason}};
    letter.update(content);
    if (known_.contains(identity(letter))) return;
    file_.append(letter.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

// Only what the last run has written behind its last stored position can come again.
void dead_letters::open() {
    file_.open();
    open_ = true;
    if (!std::filesystem::is_regular_file(stream_.dead_letters)) return; // a pipe's letters are with its reader
    std::ifstream in(stream_.dead_letters, std::ios::binary | std::ios::ate);
    if (!in) return;
    const std::streamoff size = in.tellg(), begin = std::max<std::streamoff>(0, size - end_read);
    in.seekg(begin);
    std::string line;
    if (begin > 0) std::getline(in, line); // the rest of a line
    while (std::getline(in, line)) known_.insert(identity(nlohmann::ordered_json::parse(line, nullptr, false)));
    known_.erase("");
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
