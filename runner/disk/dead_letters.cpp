#include "dead_letters.hpp"

#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <span>
#include <string>

namespace sfcdc::runner {
namespace {

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

} // namespace

void dead_letters::keep(const dead_letter& letter) {
    if (path_.empty()) return void(++(letter.outlet ? rows_ : events_));
    if (!open_) read_known();
    nlohmann::ordered_json line = {{"received_timestamp", letter.origin.received_timestamp},
                                   {"topic_name", topic_name_},
                                   {"replay_id", letter.origin.replay_id.hex()},
                                   {"event_id", letter.origin.event_id},
                                   {"schema_id", letter.origin.schema_id},
                                   {"reason", letter.reason}};
    if (letter.outlet) {
        line["row_number"] = letter.row_number;
        line["row"] = base64(wire::as_bytes(letter.content));
    } else {
        line["offset"] = letter.offset;
        if (withhold_payloads_)
            line["payload_withheld"] = "the pipeline has deny or tokenise; fetch the event again by its replay_id";
        else
            line["payload"] = base64(wire::as_bytes(letter.content));
    }
    if (!known_.contains(identity(line)))
        file_.append(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    ++(letter.outlet ? rows_ : events_);
}

// Only what the last run has written behind its last stored position can come again.
void dead_letters::read_known() {
    open_ = true;
    if (!std::filesystem::is_regular_file(path_)) return; // a pipe's letters are with its reader
    std::ifstream in(path_, std::ios::binary | std::ios::ate);
    if (!in) return;
    const std::streamoff size = in.tellg(), begin = std::max<std::streamoff>(0, size - end_read);
    in.seekg(begin);
    std::string line;
    if (begin > 0) std::getline(in, line); // the rest of a line
    while (std::getline(in, line)) known_.insert(identity(nlohmann::ordered_json::parse(line, nullptr, false)));
    known_.erase("");
}

} // namespace sfcdc::runner
