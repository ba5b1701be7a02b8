// Names that look like those of the real services.
#pragma once

#include "dice.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emulator {

std::string uuid(dice& from);
// For what need not be repeatable: rpc ids, stream ids, tokens.
std::string fresh_uuid();
std::string fresh_token(std::size_t length);

// An 18-character record id: key prefix ("001"), number in base 62, and the three characters that make ids comparable
// without regard to case.
std::string record_id(std::string_view key_prefix, std::uint64_t number);

// The object that an event's name is about: of "Invoice__ChangeEvent" it is "Invoice__c". A platform event is its own object.
std::string entity_of_event(std::string event);

// Base64 with the alphabet for URLs and no padding.
std::string base64url(std::string_view bytes);
// Nothing where the text is not that.
std::optional<std::string> from_base64url(std::string_view text);
std::string lower_hex(std::string_view bytes);

} // namespace emulator
