#include "log.hpp"

#include <sfcdc/wire/utf8.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>

namespace sfcdc::runner::log {
namespace {

constexpr std::size_t line_bytes = 2'000;  // a stack trace of a peer is no line of a log
constexpr std::size_t shortest_secret = 8; // see hide()
constexpr std::size_t secrets_known = 64;  // tokens are renewed for months

class secrets {
  public:
    void add(std::string_view text, bool for_good) {
        if (text.size() < shortest_secret) return;
        const std::scoped_lock lock(mutex_);
        std::deque<std::string>& list = for_good ? kept_ : known_;
        for (std::string form : {std::string(text), encoded(text)})
            if (std::find(list.begin(), list.end(), form) == list.end()) list.push_front(std::move(form));
        while (known_.size() > 2 * secrets_known) known_.pop_back();
    }
    void replace_in(std::string& text) {
        const std::scoped_lock lock(mutex_);
        for (const auto* const list : {&kept_, &known_})
            for (const std::string& secret : *list)
                for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;)
                    text.replace(at, secret.size(), "***");
    }

  private:
    static std::string encoded(std::string_view text) {
        constexpr std::string_view plain = "-._~";
        std::string out;
        for (const char c : text) {
            const bool kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                              || plain.find(c) != plain.npos;
            if (kept) {
                out += c;
                continue;
            }
            constexpr std::string_view digits = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
        return out;
    }

    std::mutex mutex_;
    std::deque<std::string> kept_, known_; // as they are and encoded
};

secrets& all_secrets() {
    static secrets s;
    return s;
}

// Control characters of ASCII and of C1 (U+0080 to U+009F), and what ends or turns a line (U+2028 to U+202E, U+2066 to U+2069).
void without_controls(std::string& text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (byte(i) < 0x20 || byte(i) == 0x7f) text[i] = '?';
        if (byte(i) == 0xc2 && byte(i + 1) < 0xa0) text.replace(i, 2, "?");
        if (byte(i) == 0xe2
            && ((byte(i + 1) == 0x80 && byte(i + 2) >= 0xa8 && byte(i + 2) <= 0xae)
                || (byte(i + 1) == 0x81 && byte(i + 2) >= 0xa6 && byte(i + 2) <= 0xa9)))
            text.replace(i, 3, "?");
    }
}

// The message of a line, in the place of spdlog's own %v.
class safe_message final : public spdlog::custom_flag_formatter {
  public:
    explicit safe_message(form as) : as_(as) {}
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& to) override {
        std::string text = one_line({message.payload.data(), message.payload.size()});
        if (as_ == form::json) text = nlohmann::json(text).dump();
        to.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<safe_message>(as_); }

  private:
    const form as_;
};

std::atomic<form> form_of_lines = form::text;

// Both forms at once, so that the form can change while threads write lines: the logger itself is never replaced.
class line_formatter final : public spdlog::formatter {
  public:
    line_formatter() {
        text_.add_flag<safe_message>('*', form::text).set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %*");
        json_.add_flag<safe_message>('*', form::json)
            .set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*})");
    }
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
        (form_of_lines == form::json ? json_ : text_).format(message, to);
    }
    std::unique_ptr<formatter> clone() const override { return std::make_unique<line_formatter>(); }

  private:
    spdlog::pattern_formatter text_{spdlog::pattern_time_type::utc}, json_{spdlog::pattern_time_type::utc};
};

} // namespace

void start(const std::string& level, form as) {
    form_of_lines = as;
    if (const auto logger = spdlog::get("sfcdc")) return logger->set_level(spdlog::level::from_str(level));
    auto logger = spdlog::stderr_color_mt("sfcdc");
    logger->set_formatter(std::make_unique<line_formatter>());
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

std::string one_line(std::string_view text) {
    // Secrets first: a cut through a secret would leave a part of it.
    // What is far behind the end of the line is not looked at: an answer may have a megabyte.
    std::string whole(text.substr(0, 32 * line_bytes));
    all_secrets().replace_in(whole);
    std::string out;
    wire::append_utf8(out, whole);
    without_controls(out);
    if (out.size() > line_bytes) {
        std::size_t end = line_bytes;
        while ((static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end; // not in the middle of a character
        out.resize(end);
        out += "...";
    }
    return out;
}

void hide(std::string_view secret, bool for_good) { all_secrets().add(secret, for_good); }

void last_words(std::string_view text, bool several_lines) {
    if (form_of_lines == form::json) return spdlog::critical("{}", text); // among the other lines, in their form
    std::cerr << "sfcdc: ";
    for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(text.size(), end + 1))) {
        end = several_lines ? std::min(text.find('\n'), text.size()) : text.size();
        std::cerr << one_line(text.substr(0, end)) << '\n';
    }
    std::cerr.flush();
}

} // namespace sfcdc::runner::log
