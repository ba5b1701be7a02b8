// The answers of the two token endpoints, and of SOAP's login(): whatever they say, what is taken from them may stand in a header, and a token goes to no
// other host than it may.
#include "fuzz.hpp"

#include "../runner/databricks/answers.hpp"
#include "../runner/io/url.hpp"
#include "../runner/operations/log.hpp"
#include "../runner/salesforce/grants/answers.hpp"
#include "../runner/salesforce/grants/soap_messages.hpp"

#include <algorithm>

namespace {

bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sfcdc::runner;
    const fuzz::exact_bytes input({data, size});
    const std::string_view body = input.text();

    const auto soap = salesforce::read_soap_answer(body);
    fuzz::require(soap.soap || (soap.token.access_token.empty() && soap.fault_code.empty()));
    const auto token_of_login = salesforce::read_token_answer(body);
    for (auto login : {token_of_login, soap.token}) {
        if (!salesforce::check_token(login, "https://acme.my.salesforce.com").empty()) continue;
        fuzz::require(!login.access_token.empty() && printable(login.access_token) && printable(login.instance_url));
        const auto host = url_parts::of(login.instance_url);
        fuzz::require(host && host->scheme == "https" && !host->has_user);
        constexpr std::string_view domains[] = {".salesforce.com", ".salesforce.mil", ".force.com",
                                                ".cloudforce.com", ".database.com",   ".sfcrmproducts.cn"};
        fuzz::require(std::any_of(std::begin(domains), std::end(domains),
                                  [&](std::string_view domain) { return host->host.ends_with(domain); }));
    }
    for (const std::string& id : {token_of_login.org_id, soap.token.org_id, salesforce::read_org_id(body)})
        fuzz::require(id.empty() || (id.size() == 18 && printable(id)));
    const auto token = databricks::read_token_answer(body);
    fuzz::require(printable(token.access_token));
    fuzz::require(token.lifetime.count() >= 120 && token.lifetime.count() <= 86'400);

    fuzz::require(printable(soap.fault_code) || soap.fault_code == "a fault that is no code of SOAP");
    for (const std::string& said : {salesforce::read_refusal(body), soap.fault_code + soap.fault_text}) {
        const std::string line = log::one_line(said);
        fuzz::require(line.size() <= 2'003);
        for (const char c : line) fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    }
    return 0;
}
