// What cannot become a row: events that cannot be decoded and rows that Databricks refuses, kept whole with the reason, one
// JSON object a line, on the disk before the position moves past them.
#pragma once

#include "durable_file.hpp"

#include <sfcdc/delivery_io.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_set>

namespace sfcdc::runner {

// Of one topic. An event that comes again after a restart is the same letter, and is not written twice: the end of the file is read for
// that.
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
    void keep(const dead_letter& letter);

    // So far, with those that an earlier run has written. From any thread.
    std::uint64_t events() const noexcept { return events_; }
    std::uint64_t rows() const noexcept { return rows_; }
    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    void read_known();

    std::filesystem::path path_;
    std::string topic_name_;
    const bool withhold_payloads_;
    line_file file_;
    bool open_ = false;                     // the end of the file was read, for the first letter
    std::unordered_set<std::string> known_; // what tells the letters of earlier runs apart
    std::atomic<std::uint64_t> events_ = 0, rows_ = 0;
};

} // namespace sfcdc::runner
