#include "event_history.hpp"

#include "identifiers.hpp"

#include <algorithm>
#include <stdexcept>
#include <unistd.h>

namespace emulator {

event_history::event_history() : file_(std::tmpfile(), std::fclose) {
    if (!file_) throw std::runtime_error("no temporary file can be made for the history of events");
}

void event_history::append(const std::string& replay_id, const event_statement& statement, bool undecodable) {
    const std::string line = R"({"replay_id":")" + lower_hex(replay_id) + "\"," + statement.members
                             + (undecodable ? R"(,"undecodable":true})" : "}") + "\n";
    std::lock_guard lock(mutex_);
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size())
        throw std::runtime_error("the history of events cannot be written");
    places_[statement.entity].push_back({end_, line.size()});
    end_ += line.size();
}

std::size_t event_history::count(const std::string& entity) const {
    std::lock_guard lock(mutex_);
    const auto found = places_.find(entity);
    return found == places_.end() ? 0 : found->second.size();
}

std::string event_history::lines(const std::string& entity, std::size_t& next, std::size_t limit) const {
    std::lock_guard lock(mutex_);
    const auto found = places_.find(entity);
    if (found == places_.end()) return {};
    std::fflush(file_.get());
    std::string out;
    for (const std::size_t end = std::min(found->second.size(), next + limit); next < end; ++next) {
        const auto [offset, bytes] = found->second[next];
        const std::size_t begin = out.size();
        out.resize(begin + bytes);
        const auto got = ::pread(::fileno(file_.get()), out.data() + begin, bytes, static_cast<off_t>(offset));
        if (got != static_cast<ssize_t>(bytes)) throw std::runtime_error("the history of events cannot be read");
    }
    return out;
}

} // namespace emulator
