#include "answers.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

namespace sfcdc::runner::databricks {
namespace {

// A number, or a number as a text; 0 for anything else.
std::int64_t seconds_of(const nlohmann::json& value) {
    if (value.is_number_unsigned())
        return static_cast<std::int64_t>(
            std::min<std::uint64_t>(value.get<std::uint64_t>(), std::numeric_limits<std::int64_t>::max()));
    if (value.is_number_integer()) return value.get<std::int64_t>();
    std::int64_t seconds = 0;
    if (value.is_string()) {
        const std::string& digits = value.get_ref<const std::string&>();
        std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    }
    return seconds;
}

} // namespace

token_answer read_token_answer(std::string_view body) {
    const nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
    token_answer out;
    if (!answer.is_object()) return out;
    if (answer.contains("access_token") && answer["access_token"].is_string()) {
        const std::string& token = answer["access_token"].get_ref<const std::string&>();
        if (std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; }))
            out.access_token = token;
    }
    if (answer.contains("expires_in"))
        out.lifetime = std::chrono::seconds(std::clamp<std::int64_t>(seconds_of(answer["expires_in"]), 120, 86'400));
    return out;
}

} // namespace sfcdc::runner::databricks
