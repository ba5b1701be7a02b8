// The messages of SOAP's login() call of the partner API, as text. Source: SOAP API Developer Guide, login().
#pragma once

#include "answers.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sfcdc::runner::salesforce {

// Real answers have 2 KB.
inline constexpr std::size_t longest_soap_answer = 64u << 10;

// The envelope of a login(). The texts are escaped. Control characters must not be in them: XML has no way to write most of them.
std::string soap_login(std::string_view username, std::string_view password);

// What the answer to a login() says. The texts are those of a peer.
struct soap_answer {
    bool soap = false;      // the text is an envelope of SOAP with a result or a fault; otherwise nothing else is set
    std::string fault_code; // without its namespace: "INVALID_LOGIN". Empty: the login was accepted
    std::string fault_text;
    token_answer token; // its instance_url is the origin of serverUrl
    bool password_expired = false;
};
// Reads at most longest_soap_answer bytes; a longer text is no answer, nor is one with a document type. Entities of a document are
// not expanded, and nesting costs no stack.
soap_answer read_soap_answer(std::string_view body);

} // namespace sfcdc::runner::salesforce
