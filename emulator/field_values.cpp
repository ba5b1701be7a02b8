#include "field_values.hpp"

#include "identifiers.hpp"

#include <array>
#include <string_view>

namespace emulator {
namespace {

using namespace std::string_view_literals;

constexpr std::array words{"Alder"sv,
                           "Birch"sv,
                           "Кедр"sv,
                           "Ёлка и сосна"sv,
                           "東京商事"sv,
                           "Zürich Øst"sv,
                           "Café Ñandú"sv,
                           "🌲 Evergreen"sv,
                           "Harbor Freight Lines"sv,
                           "שלום"sv,
                           "Quarry & Sons \"Stone\""sv,
                           "line one\nline two"sv,
                           "Pine"sv,
                           "x"sv,
                           "Ligatures: ﬁ ﬂ"sv,
                           "Meadow Works GmbH"sv};
constexpr std::array picklist{"Hot"sv, "Warm"sv, "Cold"sv, "Prospect"sv, "Customer - Direct"sv, "Pending"sv};
constexpr std::array cities{"San Francisco"sv, "München"sv, "大阪"sv, "São Paulo"sv, "Kraków"sv, "Leeds"sv};

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t newest_time = 1'771'300'995'000;

} // namespace

std::string field_values::word() { return std::string(dice_.pick(words)); }
std::string field_values::choice() { return std::string(dice_.pick(picklist)); }
std::string field_values::city() { return std::string(dice_.pick(cities)); }

compound field_values::compound_for(const record_shape& shape) {
    compound children;
    for (const auto& child : shape.fields) {
        if (dice_.chance(250))
            children.emplace_back();
        else if (child.name == "Latitude")
            children.emplace_back(static_cast<double>(dice_.below(180'000)) / 1e3 - 90);
        else if (child.name == "Longitude")
            children.emplace_back(static_cast<double>(dice_.below(360'000)) / 1e3 - 180);
        else if (child.name == "City")
            children.emplace_back(city());
        else
            children.emplace_back(word());
    }
    return children;
}

scalar field_values::text_for(const field_shape& field) {
    const auto has = [&](std::string_view part) { return field.doc.find(part) != std::string::npos; };
    if (has("EntityId")) return record_id(field.name.ends_with("OwnerId") ? "005" : "001", dice_.below(100'000));
    if (has("Phone")) return "+49 30 " + std::to_string(1'000'000 + dice_.below(9'000'000));
    if (has("Email")) return "post" + std::to_string(dice_.below(10'000)) + "@example.com";
    if (has("Url")) return "https://example.com/" + std::to_string(dice_.below(10'000));
    if (has("MultiEnum")) return choice() + ";" + choice();
    if (has("Enum")) return choice();
    if (has("Html")) return "<p>" + word() + " &amp; <b>more</b></p>";
    if (has("EncryptedText")) return std::string("************");
    return word() + " " + std::to_string(dice_.below(100'000));
}

field_value field_values::value_for(const field_shape& field) {
    if (field.or_string) return text_for(field);
    if (field.compound) return compound_for(*field.compound);
    if (field.type == "string") return text_for(field);
    if (field.type == "boolean") return scalar(dice_.chance(500));
    if (field.type == "int") return scalar(static_cast<std::int64_t>(dice_.below(200'000)) - 1'000);
    if (field.type == "double") return scalar(static_cast<double>(dice_.below(2'000'000'000)) / 100 - 5'000);
    if (field.doc.find("DateOnly") != std::string::npos)
        return scalar((19'000 + static_cast<std::int64_t>(dice_.below(4'000))) * day_ms);
    if (field.doc.find("TimeOnly") != std::string::npos)
        return scalar(static_cast<std::int64_t>(dice_.below(1'440)) * 60'000);
    return scalar(newest_time - static_cast<std::int64_t>(dice_.below(1'000)) * day_ms);
}

} // namespace emulator
