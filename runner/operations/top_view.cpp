#include "top_view.hpp"

#include "log.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>
#include <vector>

namespace sfcdc::runner {
namespace {

using nlohmann::json;

std::optional<double> number(const json& in, const char* key) {
    const auto found = in.is_object() ? in.find(key) : in.end();
    if (!in.is_object() || found == in.end() || !found->is_number()) return std::nullopt;
    return found->get<double>();
}
std::string text(const json& in, const char* key) {
    if (!in.is_object()) return {};
    const auto found = in.find(key);
    return found != in.end() && found->is_string() ? log::one_line(found->get<std::string>()) : std::string();
}

std::string formatted(const char* form, double value) {
    char out[64];
    std::snprintf(out, sizeof out, form, value);
    return out;
}
// Three digits and a letter, so that a column keeps its width: 950, 1.2k, 38M.
std::string count(std::optional<double> value) {
    if (!value) return "-";
    double left = *value;
    for (const char* const unit : {"", "k", "M", "G", "T"}) {
        if (std::fabs(left) < 999.5)
            return formatted(*unit != 0 && std::fabs(left) < 9.95 ? "%.1f" : "%.0f", left) + unit;
        left /= 1000;
    }
    return ">999T";
}
std::string bytes(std::optional<double> value) {
    if (!value) return "-";
    return *value < 1048576 ? formatted("%.0f KiB", *value / 1024) : formatted("%.0f MiB", *value / 1048576);
}
std::string seconds(std::optional<double> value) {
    if (!value) return "-";
    if (*value < 60) return formatted("%.1f s", *value);
    return *value < 3600 ? formatted("%.0f min", *value / 60) : formatted("%.1f h", *value / 3600);
}
std::string hours(std::optional<double> value) { return value ? formatted("%.0f h", *value) : "-"; }

// How many code points there are, which is how many places a terminal takes for the names that occur here.
std::size_t width(std::string_view of) {
    return static_cast<std::size_t>(
        std::ranges::count_if(of, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}
std::string cut(std::string_view what, std::size_t columns) {
    std::size_t at = 0;
    for (std::size_t seen = 0; at < what.size(); ++at) {
        const bool begins = (static_cast<unsigned char>(what[at]) & 0xc0) != 0x80;
        if (begins && seen++ == columns) break;
    }
    return std::string(what.substr(0, at));
}

using cells = std::vector<std::string>;
constexpr std::size_t first_right = 2, last_right = 8; // columns of numbers

const json* same_pipeline(const json& in, const json& as) {
    const std::string name = text(as, "name");
    const auto list = in.find("pipelines");
    if (list == in.end() || !list->is_array()) return nullptr;
    for (const json& one : *list)
        if (text(one, "name") == name) return &one;
    return nullptr;
}

bool is_well(const json& pipeline) {
    return text(pipeline, "state") == "running" && text(pipeline, "waits_for") == "connected";
}

cells row(const json& p, const json* before, double passed) {
    const auto rate = [&](const char* key) -> std::optional<double> {
        const auto now = number(p, key), then = before != nullptr ? number(*before, key) : std::nullopt;
        if (!now || !then || passed <= 0 || *now < *then) return std::nullopt; // less: another process answers
        return (*now - *then) / passed;
    };
    const std::string waits_for = text(p, "waits_for"),
                      error = p.is_object() && p.contains("last_error") ? text(p["last_error"], "text") : "";
    return {text(p, "name"),
            text(p, "state"),
            count(rate("events_received")),
            count(rate("rows_durable")),
            count(number(p, "rows_durable")),
            seconds(number(p, "lag_seconds")),
            count(number(p, "events_waiting")),
            bytes(number(p, "bytes_in_flight")),
            hours(number(p, "hours_to_loss")),
            is_well(p) || waits_for.empty() ? error : waits_for + (error.empty() ? "" : "; " + error)};
}

} // namespace

std::string top_frame(const top_sample& now, const top_sample* before, top_size size) {
    std::vector<std::string> lines;
    if (!now.bad.empty()) {
        lines.push_back(log::one_line(now.bad));
    } else {
        const json& s = now.status;
        const json memory = s.contains("memory") ? s["memory"] : json();
        std::string head = "sfcdc " + text(s, "version") + "   since " + text(s, "started") + "   memory "
                           + bytes(number(memory, "resident_bytes")) + ", limit of held rows "
                           + bytes(number(memory, "limit_bytes"));
        lines.push_back(std::move(head));
        const auto reasons = s.find("not_ready");
        if (reasons != s.end() && reasons->is_array() && !reasons->empty()) {
            for (const json& reason : *reasons)
                if (reason.is_string()) lines.push_back("not ready: " + log::one_line(reason.get<std::string>()));
        } else {
            lines.emplace_back("ready");
        }
        lines.emplace_back();

        const double passed = before != nullptr ? std::chrono::duration<double>(now.at - before->at).count() : 0;
        std::vector<cells> rows{{"pipeline", "state", "events/s", "rows/s", "durable", "lag", "waiting", "in flight",
                                 "to loss", "waits for; last error"}};
        const auto list = s.find("pipelines");
        for (const bool well : {false, true})
            if (list != s.end() && list->is_array())
                for (const json& p : *list)
                    if (is_well(p) == well)
                        rows.push_back(
                            row(p, before != nullptr ? same_pipeline(before->status, p) : nullptr, passed));
        std::vector<std::size_t> widths(rows.front().size());
        for (const cells& r : rows)
            for (std::size_t i = 0; i + 1 < r.size(); ++i)
                widths[i] = std::max(widths[i], std::min<std::size_t>(width(r[i]), 40));
        for (const cells& r : rows) {
            std::string line;
            for (std::size_t i = 0; i < r.size(); ++i) {
                const std::string cell = i + 1 < r.size() ? cut(r[i], 40) : r[i];
                const std::string filler(widths[i] > width(cell) ? widths[i] - width(cell) : 0, ' ');
                line +=
                    (i == 0 ? "" : "  ")
                    + (i >= first_right && i <= last_right ? filler + cell : cell + (i + 1 < r.size() ? filler : ""));
            }
            lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
        }
    }
    // A line feed behind the last line of a terminal would scroll it.
    const std::size_t most = size.lines == 0 ? lines.size() : std::min(lines.size(), size.lines - 1);
    std::string out;
    for (std::size_t i = 0; i < most; ++i) {
        const bool is_last = i + 1 == most && most < lines.size();
        out += cut(is_last ? std::to_string(lines.size() - i) + " more lines; the terminal is too small" : lines[i],
                   size.columns)
               + "\n";
    }
    return out;
}

std::string top_screen(const std::string& frame) {
    std::string out;
    for (std::size_t at = 0; at < frame.size();) {
        const std::size_t end = frame.find('\n', at);
        const std::string_view text = std::string_view(frame).substr(at, end - at);
        const bool bold = text.starts_with("pipeline ") || text.starts_with("not ready");
        out += (bold ? "\x1b[1m" : "") + std::string(text) + (bold ? "\x1b[0m" : "")
               + "\x1b[K\n"; // erased to the end of the line
        at = end + 1;
    }
    return out + "\x1b[J"; // and below
}

} // namespace sfcdc::runner
