// What dead_letters has written, read back: hostile or damaged lines are counted and passed over.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sfcdc::runner {

// One event or row that could not be delivered, as the last line about it says. Texts are as they stand in the file, which anybody may
// have written.
struct kept_letter {
    std::string topic_name, org_id, event_id, schema_id, reason, table, column;
    std::vector<std::string> hides;          // of a row: what it was made without
    std::string replay_id;                   // hexadecimal
    std::optional<std::uint32_t> row_number; // nothing: it is an event
    std::uint32_t offset = 0;                // of an event: the byte of its payload
    std::int64_t received_timestamp = 0;     // milliseconds since 1970, UTC
    bool has_content = false;                // not withheld
    bool has_columns = false;                // of a row: its values by the names of the columns
    bool retried = false;                    // a later line says that it was delivered
    std::uint64_t begin = 0;                 // of its line in the file, in bytes
    std::size_t size = 0;                    // of its line, without the line feed
};

// What a letter holds, which is read when it is needed: a file may be larger than the memory.
struct letter_content {
    std::string bytes; // the payload of an event, the protobuf message of a row
    nlohmann::ordered_json
        columns; // of a row: its values by the names of the columns; null where the letter has none
};

// What is the same when a letter is written again. Empty for what is no letter, or for an event that has no name.
std::string letter_identity(const nlohmann::ordered_json& letter);

// Reads the lines of a file in their order. No line throws.
class letters_reader {
  public:
    // A row is a request of Zerobus at most; a letter holds it as base64 and once more as JSON.
    static constexpr std::size_t longest_line = 64u << 20;

    // `begin` is the offset of the line in the file.
    void line(std::string_view text, std::uint64_t begin);
    // A line that has more bytes than longest_line, of which nothing was read.
    void foreign_line() { ++foreign_; }

    // In the order of the file. A letter that was written several times is here once, as its last line says.
    const std::vector<kept_letter>& letters() const noexcept { return letters_; }
    // Avro schemas by their ids.
    const std::map<std::string, std::string, std::less<>>& schemas() const noexcept { return schemas_; }
    std::uint64_t foreign() const noexcept { return foreign_; } // lines that are none of ours

  private:
    bool schema(const nlohmann::ordered_json& line);
    bool mark(const nlohmann::ordered_json& line);

    std::vector<kept_letter> letters_;
    std::unordered_map<std::string, std::size_t> known_; // by identity
    std::map<std::string, std::string, std::less<>> schemas_;
    std::size_t schema_bytes_ = 0;
    std::uint64_t foreign_ = 0;
};

// Throws failure(failed) when the file cannot be read. A file that is not there has no letters.
letters_reader read_letters(const std::filesystem::path& file);

// What the letter holds; nothing where it was withheld, or where the line is another letter's by now.
std::optional<letter_content> content_of(const std::filesystem::path& file, const kept_letter& letter);

// The line that says that a letter was delivered, with its line feed. `now` is in milliseconds since 1970.
std::string retried_line(const kept_letter& letter, std::int64_t now);

} // namespace sfcdc::runner
