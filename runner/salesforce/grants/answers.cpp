#include "answers.hpp"

#include "../../io/url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sfcdc::runner::salesforce {
namespace {

nlohmann::json parse(std::string_view body) { return nlohmann::json::parse(body, nullptr, false); }

std::string member(const nlohmann::json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_string() ? object[name].get<std::string>()
                                                                                   : std::string();
}

bool letters_and_digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    });
}

// ".../id/<organisation>/<user>": the last but one segment.
std::string org_of_identity(std::string_view url) {
    const std::size_t last = url.rfind('/');
    if (last == url.npos || last == 0) return {};
    const std::size_t before = url.rfind('/', last - 1);
    const std::string_view id = before == url.npos ? std::string_view() : url.substr(before + 1, last - before - 1);
    return is_org_id(id) ? std::string(id) : std::string();
}

// Salesforce's own domains: what is below them is nobody else's.
bool of_salesforce(std::string_view host) {
    constexpr std::array<std::string_view, 6> domains = {"salesforce.com", "salesforce.mil", "force.com",
                                                         "cloudforce.com", "database.com",   "sfcrmproducts.cn"};
    return std::any_of(domains.begin(), domains.end(), [&](std::string_view domain) {
        return host.ends_with(domain) && host.size() > domain.size() && host[host.size() - domain.size() - 1] == '.';
    });
}

} // namespace

bool is_org_id(std::string_view text) {
    return text.size() == 18 && text.starts_with("00D") && letters_and_digits(text);
}

token_answer read_token_answer(std::string_view body) {
    const nlohmann::json answer = parse(body);
    return {member(answer, "access_token"), member(answer, "instance_url"), org_of_identity(member(answer, "id"))};
}

std::string check_token(token_answer& answer, const std::string& login_url) {
    while (answer.instance_url.ends_with('/')) answer.instance_url.pop_back();
    const auto login = url_parts::of(login_url), instance = url_parts::of(answer.instance_url);
    if (answer.access_token.empty() || answer.instance_url.empty()) return "it has no access_token or instance_url";
    if (!fits_a_header(answer.access_token)) return "its access_token has characters that no header may carry";
    if (!instance || instance->has_user || instance->has_path || instance->has_query)
        return "its instance_url is no https:// and a host";
    if (instance->scheme != "https"
        && !(instance->scheme == "http" && instance->loopback() && login && login->loopback()))
        return "its instance_url is not https://";
    if (!login
        || !(instance->host == login->host || (instance->loopback() && login->loopback())
             || (of_salesforce(instance->host) && of_salesforce(login->host))))
        return "its instance_url leads to " + instance->host
               + ", which is no host of the login's domains; the token is not sent there";
    return {};
}

bool fits_a_header(std::string_view token) {
    return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool refuses_session(std::string_view body) {
    constexpr std::array<std::string_view, 3> words = {"Bad_OAuth_Token", "Missing_OAuth_Token",
                                                       "INVALID_SESSION_ID"};
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return body.substr(0, 1'000).find(word) != body.npos; });
}

std::string read_org_id(std::string_view body) {
    std::string id = member(parse(body), "organization_id");
    return is_org_id(id) ? id : std::string();
}

std::string read_refusal(std::string_view body) {
    const nlohmann::json answer = parse(body);
    std::string error = member(answer, "error");
    if (error.empty()) return {};
    constexpr std::string_view of_a_code = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (error.size() > 64 || error.find_first_not_of(of_a_code) != error.npos)
        return "an error that is no code of OAuth";
    const std::string description = member(answer, "error_description");
    const bool echo = std::any_of(description.begin(), description.end(),
                                  [](char c) { return c == '=' || c == '&' || c == '%' || c == '+'; })
                      || description.find("client_secret") != description.npos
                      || description.find("earer ") != description.npos;
    if (!echo && !description.empty()) error += " (" + description + ")";
    return error;
}

} // namespace sfcdc::runner::salesforce
