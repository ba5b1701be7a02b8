// The answers of the two token endpoints: whatever they say, what is taken from them may stand in a header, and a token goes to no
// other host than it may.
#include "fuzz.hpp"

#include "../runner/databricks/answers.hpp"
#include "../runner/io/url.hpp"
#include "../runner/operations/log.hpp"
#include "../runner/salesforce/answers.hpp"

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

    const auto login = salesforce::read_token_answer(body, "https://acme.my.salesforce.com");
    if (login.wrong.empty()) {
        fuzz::require(!login.access_token.empty() && printable(login.access_token) && printable(login.instance_url));
        const auto host = url_parts::of(login.instance_url);
        fuzz::require(host && host->scheme == "https" && !host->has_user);
        constexpr std::string_view domains[] = {".salesforce.com", ".salesforce.mil", ".force.com",
                                                ".cloudforce.com", ".database.com",   ".sfcrmproducts.cn"};
        fuzz::require(std::any_of(std::begin(domains), std::end(domains),
                                  [&](std::string_view domain) { return host->host.ends_with(domain); }));
    }
    for (const std::string& id : {login.org_id, salesforce::read_org_id(body)})
        fuzz::require(id.empty() || (id.size() == 18 && printable(id)));
    const auto token = databricks::read_token_answer(body);
    fuzz::require(printable(token.access_token));
    fuzz::require(token.lifetime.count() >= 120 && token.lifetime.count() <= 86'400);

    const std::string line = log::one_line(salesforce::read_refusal(body));
    fuzz::require(line.size() <= 2'003);
    for (const char c : line) fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    return 0;
}
