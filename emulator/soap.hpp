// SOAP's login() as the partner API has it: what is read of a request, and the two answers. It has no XML library: the runner has one, and
// the two are not to agree on a mistake.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace emulator {

// The text of the first element of this name, whatever its prefix, with the predefined entities and numeric references replaced. Nothing
// where there is none, or its text has an element or a reference that XML does not have.
std::optional<std::string> element_text(std::string_view xml, std::string_view name);

std::string xml_escaped(std::string_view text);

// The fault of a login: "INVALID_LOGIN" and a sentence.
std::string soap_fault(std::string_view code, std::string_view sentence);

struct soap_session {
    std::string session_id, instance_url, version, org_id, user_id, username;
};
std::string soap_result(const soap_session& session);

} // namespace emulator
