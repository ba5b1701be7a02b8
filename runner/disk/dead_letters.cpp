#include "dead_letters.hpp"

#include "letters_file.hpp"

#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace sfcdc::runner {
namespace {

// How much of the file's end is read for letters that come again: what a run may have in flight, with room.
constexpr std::streamoff end_read = 64 << 20;

std::string base64(std::span<const std::byte> bytes) {
    std::string out;
    wire::append_base64(out, bytes);
    return out;
}

} // namespace

// Quoted, or behind the word "column" or "field": a name alone may be a word of the sentence.
std::string column_named(std::string_view reason, const nlohmann::ordered_json& columns) {
    const auto is_word = [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    std::string found;
    if (!columns.is_object()) return found;
    for (const auto& column : columns.items()) {
        const std::string& name = column.key();
        for (std::size_t at = reason.find(name); !name.empty() && at != reason.npos; at = reason.find(name, at + 1)) {
            const std::string_view before = reason.substr(0, at), behind = reason.substr(at + name.size());
            if ((!before.empty() && is_word(before.back())) || (!behind.empty() && is_word(behind.front()))) continue;
            const bool quoted = !before.empty() && !behind.empty() && before.back() == behind.front()
                                && (before.back() == '"' || before.back() == '\'' || before.back() == '`');
            if (!quoted && !before.ends_with("column ") && !before.ends_with("field ")) continue;
            if (!found.empty() && found != name) return {};
            found = name;
        }
    }
    return found;
}

nlohmann::ordered_json dead_letters::line_of(const dead_letter& letter, const letter_surroundings& around) const {
    nlohmann::ordered_json line = {{"received_timestamp", letter.origin.received_timestamp},
                                   {"topic_name", topic_name_},
                                   {"replay_id", letter.origin.replay_id.hex()},
                                   {"event_id", letter.origin.event_id},
                                   {"schema_id", letter.origin.schema_id},
                                   {"reason", letter.reason}};
    if (!around.org_id.empty()) line["org_id"] = around.org_id;
    if (letter.outlet) {
        if (!around.table.empty()) line["table"] = around.table;
        if (std::string column = column_named(letter.reason, around.columns); !column.empty())
            line["column"] = std::move(column);
        line["row_number"] = letter.row_number;
        line["row"] = base64(wire::as_bytes(letter.content));
        if (!around.hides.empty()) line["hides"] = std::vector<std::string>(around.hides.begin(), around.hides.end());
        if (around.columns.is_object()) line["columns"] = around.columns;
    } else {
        line["offset"] = letter.offset;
        if (withhold_payloads_)
            line["payload_withheld"] = "the pipeline has deny or tokenise; fetch the event again by its replay_id";
        else
            line["payload"] = base64(wire::as_bytes(letter.content));
    }
    return line;
}

void dead_letters::keep(const dead_letter& letter, const letter_surroundings& around) {
    if (path_.empty()) return void(++(letter.outlet ? rows_ : events_));
    if (!open_) read_known();
    const nlohmann::ordered_json line = line_of(letter, around);
    if (!known_.contains(letter_identity(line))) append(line, letter.origin.schema_id, around.schema_json);
    ++(letter.outlet ? rows_ : events_);
}

void dead_letters::keep_again(const dead_letter& letter, const letter_surroundings& around) {
    if (!open_) read_known();
    append(line_of(letter, around), letter.origin.schema_id, around.schema_json);
    ++(letter.outlet ? rows_ : events_);
}

// Schema and letter are appended together, so that no letter is without it. A file that is begun meanwhile gets it behind the letter.
void dead_letters::append(const nlohmann::ordered_json& line, std::string_view schema_id,
                          std::string_view schema_json) {
    const auto text_of = [](const nlohmann::ordered_json& of) {
        return of.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    };
    std::string schema;
    if (!schema_json.empty() && !schema_id.empty())
        schema = text_of({{"schema_id", schema_id}, {"schema_json", schema_json}});
    const unsigned number = file_.renew();
    if (number_ != 0 && number != number_) schemas_.clear();
    const bool known = schema.empty() || schemas_.contains(std::string(schema_id));
    file_.append((known ? "" : schema) + text_of(line));
    if (file_.number() != number) {
        schemas_.clear();
        if (known && !schema.empty()) file_.append(schema);
    }
    number_ = file_.number();
    if (!schema.empty()) schemas_.emplace(schema_id);
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
    while (std::getline(in, line)) {
        const auto found = nlohmann::ordered_json::parse(line, nullptr, false);
        known_.insert(letter_identity(found));
        if (found.is_object() && found.contains("schema_json") && found.contains("schema_id")
            && found["schema_id"].is_string())
            schemas_.insert(found["schema_id"].get<std::string>());
    }
    known_.erase("");
}

} // namespace sfcdc::runner
