// What Salesforce's login says, read from the text of its answers. The texts are those of a peer: each value is checked here before
// it becomes a header, a URL or a line of a log.
#pragma once

#include <string>
#include <string_view>

namespace sfcdc::runner::salesforce {

// Of the answer of /services/oauth2/token.
struct token_answer {
    std::string access_token; // never logged
    std::string instance_url; // https://HOST[:PORT]; http:// to this machine only
    std::string org_id;       // of the member "id"; may be empty
    std::string wrong;        // not empty: why this is no answer to go on with, for a log
};
// `login_url` is the configuration's: a token travels to the host that was logged in to, or from one host of Salesforce's own
// domains to another.
token_answer read_token_answer(std::string_view body, const std::string& login_url);

// The org id of the answer of /services/oauth2/userinfo; empty when there is none that has its form.
std::string read_org_id(std::string_view body);

// Why a login was refused, as the answer says it: "invalid_grant (no client credentials user enabled)". Empty when it is no answer of
// an OAuth service. A description that repeats the request is left out.
std::string read_refusal(std::string_view body);

} // namespace sfcdc::runner::salesforce
