// What Salesforce's OAuth endpoints say, read from the text of their answers. The texts are those of a peer: each value is checked here before
// it becomes a header, a URL or a line of a log.
#pragma once

#include <string>
#include <string_view>

namespace sfcdc::runner::salesforce {

// What a login gives. The texts are a peer's until check_token() has found nothing.
struct token_answer {
    std::string access_token; // never logged
    std::string instance_url; // https://HOST[:PORT]; http:// to this machine only
    std::string org_id;       // 18 characters; may be empty
    bool org_certain = false; // the org id need not be asked for
};
// Reads the answer of /services/oauth2/token, with the org id of its member "id". Members that are missing are empty.
token_answer read_token_answer(std::string_view body);

// Says why this is no answer to go on with, for a log; empty when it is one. A token travels to the host of the login, `login_url`, or from
// one host of Salesforce's own domains to another. Removes slashes at the end of instance_url.
std::string check_token(token_answer& answer, const std::string& login_url);

// Whether all characters are printable ASCII and none is a space.
bool fits_a_header(std::string_view token);

// Whether the text has the form of an org id: 18 letters and digits that begin with 00D.
bool is_org_id(std::string_view text);

// Whether the answer of an API of Salesforce says that the session is not valid. A page of a proxy does not.
bool refuses_session(std::string_view body);

// The org id of the answer of /services/oauth2/userinfo; empty when there is none that has its form.
std::string read_org_id(std::string_view body);

// Why a login was refused, as the answer says it: "invalid_grant (no client credentials user enabled)". Empty when it is no answer of
// an OAuth service. A description that repeats the request is left out.
std::string read_refusal(std::string_view body);

} // namespace sfcdc::runner::salesforce
