// What cannot become a row: events that cannot be decoded and rows that Databricks refuses, kept whole with the reason, one
// JSON object a line, on the disk before the position moves past them.
#pragma once

#include "durable_file.hpp"

#include <sfcdc/delivery_io.hpp>

#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

namespace sfcdc::runner {

// What a letter says beside what the delivery knows. Views that live for as long as keep() takes; each may be empty.
struct letter_surroundings {
    std::string_view org_id{};
    std::string_view schema_json{};       // of the event's schema
    std::string_view table{};             // of a row
    std::span<const std::string> hides{}; // of a row: which fields it was made without (deny, tokenise)
    nlohmann::ordered_json columns{};     // of a row: its values by the names of their columns; an object, or null
};

// The column that a refusal names; empty: it names none, or more than one. `columns` is an object with the names of the row's columns.
std::string column_named(std::string_view reason, const nlohmann::ordered_json& columns);

// Of one topic. An event that comes again after a restart is the same letter, and is not written twice: the end of the file is read for
// that. A schema is a line of its own in front of the first letter of it, once in each file: {"schema_id":...,"schema_json":...}.
class dead_letters {
  public:
    // With `withhold_payloads` a letter of an event has no payload, in which there are fields that nobody is to see. Its replay id and its
    // schema id are there, by which it can be fetched again. Rows are kept, since they are made without such fields.
    // An empty path: letters are counted, and not kept.
    dead_letters(std::filesystem::path path, std::string topic_name, bool withhold_payloads = false)
        : path_(std::move(path)),
          topic_name_(std::move(topic_name)),
          withhold_payloads_(withhold_payloads),
          file_(path_) {}

    // Throws failure unless a letter could be written.
    void prove() {
        if (!path_.empty()) file_.prove();
    }

    // Returns with the letter on the disk. Throws failure.
    void keep(const dead_letter& letter, const letter_surroundings& around = {});
    // The same for a letter that `sfcdc dead-letters retry` could not deliver: it is written though there is one of the same event, since
    // the last one counts.
    void keep_again(const dead_letter& letter, const letter_surroundings& around);
    // Appends a line of the retry's own. The file is locked from the first call of open() on. Both throw failure.
    void mark(std::string_view line) { file_.append(line); }
    void open() { file_.open(); }

    // So far, with those that an earlier run has written. From any thread.
    std::uint64_t events() const noexcept { return events_; }
    std::uint64_t rows() const noexcept { return rows_; }
    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    void read_known();
    void append(const nlohmann::ordered_json& line, std::string_view schema_id, std::string_view schema_json);
    nlohmann::ordered_json line_of(const dead_letter& letter, const letter_surroundings& around) const;

    std::filesystem::path path_;
    std::string topic_name_;
    const bool withhold_payloads_;
    line_file file_;
    bool open_ = false;                       // the end of the file was read, for the first letter
    std::unordered_set<std::string> known_;   // what tells the letters of earlier runs apart
    std::unordered_set<std::string> schemas_; // the ids of those that stand in the file of this number
    unsigned number_ = 0;
    std::atomic<std::uint64_t> events_ = 0, rows_ = 0;
};

} // namespace sfcdc::runner
