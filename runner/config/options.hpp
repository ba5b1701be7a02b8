// Every key of the configuration, described once: the reader takes these keys and no others, and `sfcdc options` and docs/configuration.md
// are made of the same table.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// The views are of the program's own text and live as long as it.
struct option {
    std::string_view section; // "" (the top of the file), "salesforce", "databricks", "status" or "pipeline"
    std::string_view key;     // as the file has it
    std::string_view
        type; // of its value, for people: "text", "list of texts", "whole number", "true or false", "table"
    std::string_view otherwise;   // what holds without the key, for people; empty: nothing, or the key is needed
    std::string_view environment; // a variable whose value stands in for a missing key; empty: none
    std::string_view meaning;     // in Markdown, one line
};

// In the order of the documentation: by section, the keys that each file needs first.
std::span<const option> options() noexcept;

// The keys of one section, and the option of one key; null: there is no such key.
std::vector<std::string_view> keys_of(std::string_view section);
const option* option_of(std::string_view section, std::string_view key) noexcept;

// Of the words that are known, the one that a misspelt word was meant to be; empty when none is like it.
std::string_view nearest_word(std::string_view written, std::span<const std::string_view> known);

} // namespace sfcdc::runner
