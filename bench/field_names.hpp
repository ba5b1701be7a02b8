// Names for a field bitmap the slow way, digit by digit, from Avro C's view of the schema: the second opinion.
#pragma once

#include <avro.h>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

class field_names {
  public:
    explicit field_names(avro_schema_t event) {
        const std::size_t count = avro_schema_record_size(event);
        for (std::size_t i = 0; i < count; ++i) {
            const int index = static_cast<int>(i);
            names_.emplace_back(avro_schema_record_field_name(event, index));
            children_.push_back(children_of(avro_schema_record_field_get_by_index(event, index)));
        }
    }

    // The event's own fields first, then children, each in the order of the schema.
    template<class Elements> std::vector<std::string> expand(const Elements& elements) const {
        std::set<std::pair<std::size_t, std::size_t>> found; // own fields under 0, children under parent + 1
        for (const auto& element : elements) {
            const std::string_view text = element;
            if (text.empty()) continue;
            const std::size_t x = text.find('x');
            const std::size_t dash = text.find('-');
            const std::size_t group = dash == text.npos ? 0 : std::stoul(std::string(text.substr(0, dash))) + 1;
            for (std::size_t i = 0; i < text.size() - x - 1; ++i) {
                const int digit = std::stoi(std::string(1, text[text.size() - 1 - i]), nullptr, 16);
                for (std::size_t bit = 0; bit < 4; ++bit)
                    if ((digit >> bit & 1) != 0) found.insert({group, 4 * i + bit});
            }
        }
        std::vector<std::string> out;
        for (const auto& [group, bit] : found)
            out.push_back(group == 0 ? names_.at(bit) : names_.at(group - 1) + "." + children_.at(group - 1).at(bit));
        return out;
    }

    const std::string& name(std::size_t position) const { return names_.at(position); }
    // Of a compound field; empty for others.
    const std::vector<std::string>& children(std::size_t position) const { return children_.at(position); }

  private:
    static std::vector<std::string> children_of(avro_schema_t type) {
        std::vector<std::string> out;
        if (is_avro_link(type)) return children_of(avro_schema_link_target(type));
        if (is_avro_record(type))
            for (std::size_t i = 0; i < avro_schema_record_size(type); ++i)
                out.emplace_back(avro_schema_record_field_name(type, static_cast<int>(i)));
        if (is_avro_union(type))
            for (std::size_t i = 0; i < avro_schema_union_size(type) && out.empty(); ++i)
                out = children_of(avro_schema_union_branch(type, static_cast<int>(i)));
        return out;
    }

    std::vector<std::string> names_;
    std::vector<std::vector<std::string>> children_;
};

} // namespace bench
