#include "answers.hpp"

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

constexpr int deepest_answer = 64; // objects and arrays within each other

const nlohmann::json no_members = nlohmann::json::object();
const nlohmann::json no_elements = nlohmann::json::array();

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

std::optional<nlohmann::json> read_object(std::string_view body) {
    bool too_deep = false;
    const auto keeps = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
        too_deep |= depth >= deepest_answer;
        return !too_deep; // what is not kept takes no memory
    };
    nlohmann::json answer = nlohmann::json::parse(body, keeps, false);
    if (too_deep || !answer.is_object()) return std::nullopt;
    return answer;
}

members::members(const nlohmann::json& object, std::string path, std::string& bad)
    : object_(&object), path_(std::move(path)), bad_(&bad) {
    if (!object.is_object()) {
        object_ = &no_members;
        if (!object.is_null() && !path_.empty()) complain("", "an object");
    }
}

void members::complain(const std::string& key, const char* expected) const {
    if (!bad_->empty()) return;
    std::string whole = path_ + key;
    if (whole.ends_with('.')) whole.pop_back();
    *bad_ = whole + ": " + expected + " was expected";
}

const nlohmann::json* members::find(const char* key) const {
    const auto found = object_->find(key);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::string members::text(const char* key) const {
    const nlohmann::json* const value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return complain(key, "a string"), "";
    return value->get<std::string>();
}

std::optional<std::int64_t> members::number(const char* key) const {
    const nlohmann::json* const value = find(key);
    if (value == nullptr) return std::nullopt;
    const bool fits = value->is_number_integer()
                      && (!value->is_number_unsigned()
                          || value->get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
    if (!fits) return complain(key, "a whole number"), std::nullopt;
    return value->get<std::int64_t>();
}

bool members::flag(const char* key, bool otherwise) const {
    const nlohmann::json* const value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) return complain(key, "true or false"), otherwise;
    return value->get<bool>();
}

members members::object(const char* key) const {
    const nlohmann::json* const value = find(key);
    return {value == nullptr ? no_members : *value, path_ + key + ".", *bad_};
}

const nlohmann::json& members::list(const char* key) const {
    const nlohmann::json* const value = find(key);
    if (value == nullptr) return no_elements;
    if (!value->is_array()) return complain(key, "an array"), no_elements;
    return *value;
}

} // namespace sfcdc::runner::databricks
