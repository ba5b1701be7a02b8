// Which fields of each schema a pipeline hides, as its keys deny and tokenise say.
#pragma once

#include "../config/config.hpp"

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/cdc/tokenise.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner {

// The object that a schema's events are of, by the name of its record: of "Invoice__ChangeEvent" it is "Invoice__c". A platform event is
// its own object.
std::string entity_of(const cdc::plan& p);

// What a pipeline hides, as a dead letter of a row says it: "deny Contact.Email". Two lists that are the same hide the same.
std::vector<std::string> hides(const privacy_config& config);

// Of one pipeline. It refers to the configuration.
class hidden_fields {
  public:
    hidden_fields(const privacy_config& config, const std::string& topic);

    bool any() const noexcept { return config_.hides_something(); }

    // One schema: the plan that sees no field that is left out, and what becomes a token. Refers to the whole plan.
    struct of_schema {
        cdc::plan plan;
        std::optional<cdc::tokeniser> tokens; // where something becomes one
        std::string summary{};                // for the log
    };
    // Called once for each schema. `whole` outlives what is returned.
    std::unique_ptr<const of_schema> in(const cdc::plan& whole);

    // What the operator should look at, each once: patterns that match nothing, fields that cannot be tokens.
    std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }
    // At the end of a run: warns of patterns that have matched nothing, where it was too early before.
    void end();

  private:
    struct pattern {
        const field_pattern* of;
        std::string_view key; // of the configuration
        bool matched = false, said = false;
    };

    std::vector<avro::field> matching(const cdc::plan& p, const std::string& entity, std::string_view key);
    void warn_of_unmatched(const std::string& entity);
    void warn(pattern& p, const std::string& where, const std::string& entity = {});

    const privacy_config& config_;
    const bool one_object_; // the topic has events of one object only
    std::vector<pattern> patterns_;
    std::vector<std::string> warnings_;
    std::size_t schemas_ = 0;
};

} // namespace sfcdc::runner
