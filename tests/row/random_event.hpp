// Random events with a field of each kind that typed tables know.
#pragma once

#include "row/typed_event.hpp"

#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace typed_event {

// Random events of schema(): each field is there with this chance.
inline std::string random_payload(std::mt19937& random, double chance) {
    const auto one_in = [&](unsigned n) { return random() % n == 0; };
    const auto there = [&] { return std::uniform_real_distribution<>(0, 1)(random) < chance; };
    const auto any_text = [&] {
        const std::string texts[] = {"",
                                     "Acme",
                                     "M\xC3\xBCnchen",
                                     "a text of more than thirty-two bytes, so that it is copied in two",
                                     "\xE4\xB8\xAD\xE6\x96\x87",
                                     "bad \xff byte",
                                     std::string("\x80") + "begins with one that continues",
                                     "cut off \xE4\xB8"};
        std::string out = texts[random() % std::size(texts)];
        if (one_in(40)) out.append(random() % 9000, 'x');
        return out;
    };
    const auto optional_text = [&] { return there() ? std::optional(text(any_text())) : std::nullopt; };
    const auto optional_real = [&] {
        return there() ? std::optional(real(0.25 * static_cast<double>(random() % 1000))) : std::nullopt;
    };
    const auto any_number = [&] {
        const std::int64_t numbers[] = {0,
                                        1,
                                        -1,
                                        63,
                                        64,
                                        -65,
                                        8191,
                                        8192,
                                        1'760'000'000'123,
                                        -86'400'001,
                                        INT64_MAX,
                                        INT64_MIN,
                                        INT64_MAX / 1000,
                                        30'600'000,
                                        INT32_MAX,
                                        INT32_MIN};
        return numbers[random() % std::size(numbers)];
    };
    body b;
    if (there())
        b["Name"] =
            one_in(3) ? "record:" + members({optional_text(), optional_text(), optional_text()}) : text(any_text());
    if (there()) b["BillingAddress"] = members({optional_text(), optional_text(), optional_real(), optional_text()});
    if (there()) b["Amount__c"] = real(one_in(4) ? 0.125 : -0.05 * static_cast<double>(random() % 100));
    if (there()) b["Count__c"] = real(static_cast<double>(random() % 1000));
    if (there()) b["Employees"] = number(static_cast<std::int32_t>(random()));
    if (there()) b["IsActive"] = std::string(1, one_in(2) ? '\x01' : '\0');
    if (there()) b["CreatedDate"] = number(any_number());
    if (there()) b["Birthdate"] = number(any_number());
    if (there()) b["Opens__c"] = number(any_number());
    if (there()) b["Tags__c"] = text("a;;bc");
    if (there()) b["Place__c"] = members({optional_real(), optional_real()});
    if (there()) b["Office__c"] = members({optional_text(), optional_text(), optional_text()});
    if (there()) b["Notes__c"] = text(any_text());
    if (there()) b["Big__c"] = number(any_number());
    made::header h;
    h.change_type = static_cast<int>(random() % 3);
    h.ids.assign(1 + (one_in(5) ? random() % 3 : 0), "001xx0000000001AAA");
    if (one_in(10)) h.ids = {"001*"};
    if (one_in(5)) h.user.clear();
    if (one_in(5)) h.origin.clear();
    h.sequence = static_cast<std::int32_t>(random() % 100);
    if (h.change_type == 1) {
        std::vector<std::string> changed;
        for (const std::string& name : names())
            if (name != "ChangeEventHeader" && (b.contains(name) || one_in(8))) changed.push_back(name);
        h.changed = {bitmap(changed)};
        if (one_in(6)) h.diff = {bitmap({"Notes__c"})};
        if (one_in(6)) h.nulled = {bitmap({"Count__c"})};
    }
    return payload(h, b);
}

} // namespace typed_event
