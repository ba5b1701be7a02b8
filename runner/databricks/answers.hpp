// What a Databricks workspace says, read from the texts of its answers: the texts of a peer.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sfcdc::runner::databricks {

struct token_answer {
    std::string access_token; // never logged; empty: there is none, or one that no header may carry
    // From 120 to 86,400: without a believable lifetime a token is good for the stream that it was asked for.
    std::chrono::seconds lifetime{120};
};
token_answer read_token_answer(std::string_view body);

// An answer of the REST API. Nothing where the text is no JSON object, or is nested more than 64 deep.
std::optional<nlohmann::json> read_object(std::string_view body);

// The members of one object of an answer. One that is absent or null is empty; one of another type is empty, too, and `bad` then
// says so, unless it says something already. Refers to the object and to `bad`.
class members {
  public:
    // `object`: may be any JSON value; one that is no object is a mistake. `path` is where it stands in the answer, "" for the answer
    // itself, "manifest." or "columns[3]." for an inner one.
    members(const nlohmann::json& object, std::string path, std::string& bad);

    std::string text(const char* key) const;
    std::optional<std::int64_t> number(const char* key) const;
    bool flag(const char* key, bool otherwise) const;
    bool has(const char* key) const { return find(key) != nullptr; }
    members object(const char* key) const;
    // The elements of an array; those of an array that is absent are none.
    const nlohmann::json& list(const char* key) const;
    // Calls f(members) for each object of an array.
    template<class F> void each(const char* key, F&& f) const {
        const nlohmann::json& all = list(key);
        for (std::size_t i = 0; i < all.size() && bad_->empty(); ++i)
            f(members(all[i], path_ + key + "[" + std::to_string(i) + "].", *bad_));
    }
    const nlohmann::json& json() const noexcept { return *object_; }
    void complain(const std::string& key, const char* expected) const;

  private:
    const nlohmann::json* find(const char* key) const;

    const nlohmann::json* object_;
    std::string path_;
    std::string* bad_;
};

} // namespace sfcdc::runner::databricks
