#include "letters_file.hpp"

#include "../operations/failure.hpp"

#include <sfcdc/limits.hpp>
#include <sfcdc/wire/base64.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace sfcdc::runner {
namespace {

using ordered_json = nlohmann::ordered_json;

// Schemas of one file that are kept, in bytes: a thousand of the usual size.
constexpr std::size_t most_schema_bytes = 64u << 20;

std::string text_in(const ordered_json& line, const char* key) {
    const auto at = line.find(key);
    return at != line.end() && at->is_string() ? at->get<std::string>() : std::string();
}
template<class Integer> Integer number_in(const ordered_json& line, const char* key) {
    const auto at = line.find(key);
    if (at == line.end() || !at->is_number_integer()) return 0;
    if (at->is_number_unsigned() && at->get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return 0;
    const std::int64_t value = at->get<std::int64_t>();
    return std::in_range<Integer>(value) ? static_cast<Integer>(value) : Integer{0};
}
bool has_text(const ordered_json& line, const char* key) {
    const auto at = line.find(key);
    return at != line.end() && at->is_string();
}

// A number that is none of a row would be another one in the mark of the letter.
bool has_row_number(const ordered_json& line) {
    const auto at = line.find("row_number");
    return at != line.end() && at->is_number_unsigned() && std::in_range<std::uint32_t>(at->get<std::uint64_t>());
}

// A row has scalars and lists of texts. What is deeper was not written by sfcdc, and could be so deep that to print it takes the stack.
bool is_flat(const ordered_json& columns) {
    return columns.is_object() && std::ranges::all_of(columns, [](const ordered_json& value) {
               return value.is_primitive()
                      || (value.is_array() && std::ranges::all_of(value, [](const ordered_json& item) {
                              return item.is_primitive();
                          }));
           });
}

} // namespace

std::string letter_identity(const ordered_json& letter) {
    if (!letter.is_object()) return {};
    std::string out;
    for (const char* const name : {"topic_name", "replay_id", "event_id"}) {
        if (!has_text(letter, name)) return {};
        out += letter.find(name)->get_ref<const std::string&>() + '\n';
    }
    if (text_in(letter, "replay_id").empty() && text_in(letter, "event_id").empty()) return {};
    const auto row = letter.find("row_number");
    if (row == letter.end()) return out + "event";
    return row->is_number_integer() ? out + row->dump() : std::string();
}

bool letters_reader::schema(const ordered_json& line) {
    if (!has_text(line, "schema_json") || !has_text(line, "schema_id") || line.contains("replay_id")) return false;
    std::string text = text_in(line, "schema_json");
    if (text.size() > limits::schema_bytes || text.size() > most_schema_bytes - schema_bytes_) return false;
    const auto [at, first] = schemas_.try_emplace(text_in(line, "schema_id"), std::move(text));
    if (first) schema_bytes_ += at->second.size();
    return true;
}

bool letters_reader::mark(const ordered_json& line) {
    const auto of = line.find("retried");
    if (of == line.end()) return false;
    const auto known = known_.find(letter_identity(*of));
    if (known == known_.end()) return false;
    letters_[known->second].retried = true;
    return true;
}

void letters_reader::line(std::string_view text, std::uint64_t begin) {
    if (text.find_first_not_of(" \t\r") == text.npos) return;
    const ordered_json line = ordered_json::parse(text, nullptr, false);
    if (!line.is_object() || !(schema(line) || mark(line))) {
        const bool is_letter = line.is_object() && has_text(line, "topic_name") && has_text(line, "replay_id")
                               && has_text(line, "event_id") && has_text(line, "reason");
        const bool row = is_letter && line.contains("row_number");
        if (!is_letter || (row && !has_row_number(line))) return void(++foreign_);
        kept_letter l;
        l.topic_name = text_in(line, "topic_name");
        l.org_id = text_in(line, "org_id");
        l.event_id = text_in(line, "event_id");
        l.schema_id = text_in(line, "schema_id");
        l.reason = text_in(line, "reason");
        l.table = text_in(line, "table");
        l.column = text_in(line, "column");
        if (const auto hides = line.find("hides"); hides != line.end() && hides->is_array())
            for (const ordered_json& pattern : *hides)
                l.hides.push_back(pattern.is_string() ? pattern.get<std::string>() : std::string());
        l.replay_id = text_in(line, "replay_id");
        if (row) l.row_number = number_in<std::uint32_t>(line, "row_number");
        l.offset = number_in<std::uint32_t>(line, "offset");
        l.received_timestamp = number_in<std::int64_t>(line, "received_timestamp");
        l.has_content = has_text(line, row ? "row" : "payload");
        l.has_columns = row && line.contains("columns") && is_flat(*line.find("columns"));
        l.begin = begin;
        l.size = text.size();
        const std::string identity = letter_identity(line);
        if (identity.empty()) return letters_.push_back(std::move(l));
        const auto [at, first] = known_.try_emplace(identity, letters_.size());
        if (first) return letters_.push_back(std::move(l));
        l.retried = letters_[at->second].retried; // what came back before does not need to come back again
        letters_[at->second] = std::move(l);
    }
}

letters_reader read_letters(const std::filesystem::path& file) {
    letters_reader out;
    std::error_code unknown;
    if (std::filesystem::exists(file, unknown) && !std::filesystem::is_regular_file(file, unknown))
        throw failure(exit_code::bad_config, file.string() + ": is no regular file, so that no letters can be read.");
    if (!std::filesystem::exists(file, unknown)) return out;
    std::ifstream in(file, std::ios::binary);
    const auto fail = [&] {
        throw failure(exit_code::failed, file.string() + ": cannot be read: "
                                             + std::generic_category().message(errno != 0 ? errno : EIO) + ".");
    };
    errno = 0;
    if (!in) fail();
    std::string line, block(256 << 10, '\0');
    std::uint64_t begin = 0, at = 0;
    bool too_long = false;
    const auto end_line = [&] {
        too_long ? out.foreign_line() : out.line(line, begin);
        line.clear();
        too_long = false;
    };
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
        std::string_view rest(block.data(), static_cast<std::size_t>(in.gcount()));
        while (!rest.empty()) {
            const std::size_t feed = rest.find('\n');
            const std::string_view piece = rest.substr(0, feed);
            if (too_long || piece.size() > letters_reader::longest_line - line.size())
                too_long = true, line.clear();
            else
                line += piece;
            at += piece.size();
            rest.remove_prefix(piece.size());
            if (rest.empty()) break;
            rest.remove_prefix(1);
            end_line();
            begin = ++at;
        }
    }
    if (in.bad()) fail();
    if (too_long || !line.empty()) end_line(); // a line that is being written, or was left unfinished
    return out;
}

namespace {

std::optional<letter_content> content_of(const ordered_json& line) {
    const char* const key = line.contains("row_number") ? "row" : "payload";
    if (!has_text(line, key)) return std::nullopt;
    auto [bytes, bad] = wire::from_base64(line.find(key)->get_ref<const std::string&>());
    if (bad) return std::nullopt;
    letter_content out{std::move(bytes), nullptr};
    if (const auto columns = line.find("columns"); columns != line.end() && is_flat(*columns)) out.columns = *columns;
    return out;
}

} // namespace

std::optional<letter_content> content_of(const std::filesystem::path& file, const kept_letter& letter) {
    if (!letter.has_content) return std::nullopt;
    std::ifstream in(file, std::ios::binary);
    std::string line(letter.size, '\0');
    in.seekg(static_cast<std::streamoff>(letter.begin));
    if (!in.read(line.data(), static_cast<std::streamsize>(line.size()))) return std::nullopt;
    const ordered_json found = ordered_json::parse(line, nullptr, false);
    if (!found.is_object() || text_in(found, "replay_id") != letter.replay_id
        || text_in(found, "event_id") != letter.event_id
        || found.contains("row_number") != letter.row_number.has_value())
        return std::nullopt;
    return content_of(found);
}

std::string retried_line(const kept_letter& letter, std::int64_t now) {
    ordered_json of = {
        {"topic_name", letter.topic_name}, {"replay_id", letter.replay_id}, {"event_id", letter.event_id}};
    if (letter.row_number) of["row_number"] = *letter.row_number;
    return ordered_json{{"retried", std::move(of)}, {"retried_timestamp", now}}.dump(
               -1, ' ', false, ordered_json::error_handler_t::replace)
           + "\n";
}

} // namespace sfcdc::runner
