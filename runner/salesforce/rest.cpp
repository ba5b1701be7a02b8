#include "rest.hpp"

#include "../io/http.hpp"
#include "../operations/log.hpp"

#include <algorithm>
#include <charconv>

namespace sfcdc::runner::salesforce {
namespace {

constexpr std::size_t longest_answer = 4u << 20;
constexpr std::size_t most_records = 10'000;
constexpr int deepest_answer = 32; // objects and arrays within each other
constexpr int newest_known = 68;
constexpr std::chrono::seconds longest_request{20};

// Nothing for a text that is no JSON, or is nested too deeply.
std::optional<nlohmann::json> parse(std::string_view body) {
    bool too_deep = false;
    const auto keeps = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
        too_deep |= depth >= deepest_answer;
        return !too_deep;
    };
    nlohmann::json value = nlohmann::json::parse(body, keeps, false);
    if (too_deep || value.is_discarded()) return std::nullopt;
    return value;
}

rest_refusal no_answer_of_the_api(long status, const std::string& path) {
    return {rest_fault::unavailable,
            {},
            log::one_line("HTTP " + std::to_string(status) + " for " + path + ", and no answer of the REST API")};
}

http::response send(const salesforce_config& config, const std::string& url, const std::string& bearer,
                    const std::stop_token& stop) {
    return http::send({.url = url,
                       .form = {},
                       .basic_user = {},
                       .basic_password = {},
                       .bearer = bearer,
                       .ca_file = config.ca_file,
                       .headers = {"Accept: application/json"},
                       .longest_answer = longest_answer,
                       .timeout = longest_request},
                      stop);
}

} // namespace

std::string text_of(const nlohmann::json& record, const char* member) {
    if (!record.is_object()) return {};
    const auto found = record.find(member);
    return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

rest_refusal read_rest_refusal(long status, std::string_view body) {
    rest_refusal out;
    if (status == 0) return {rest_fault::unavailable, {}, log::one_line(body)};
    const auto answer = parse(body);
    const nlohmann::json first =
        answer && answer->is_array() && !answer->empty() ? answer->front() : nlohmann::json();
    out.code = text_of(first, "errorCode");
    out.message = log::one_line(
        "HTTP " + std::to_string(status)
        + (out.code.empty() ? ", and no answer of the REST API" : " " + out.code + ": " + text_of(first, "message")));
    // Limits come with several statuses; their codes have the word in them.
    if (out.code.find("LIMIT") != out.code.npos && out.code != "EXCEEDED_ID_LIMIT")
        out.what = rest_fault::limit_reached;
    else if (status == 401)
        out.what = rest_fault::session_refused;
    else if (out.code.empty() && status != 404)
        out.what = rest_fault::unavailable;
    else if (status == 403)
        out.what = rest_fault::no_right;
    else if (status == 404)
        out.what = rest_fault::not_found;
    else if (status == 429)
        out.what = rest_fault::limit_reached;
    else if (out.code == "INVALID_TYPE" || out.code == "INVALID_FIELD" || out.code == "INSUFFICIENT_ACCESS")
        out.what =
            rest_fault::no_right; // an object or a field that the user may not see looks like one that is missing
    else
        out.what = status >= 500 ? rest_fault::unavailable : rest_fault::bad_request;
    return out;
}

rest_outcome<rest_service> look_at_rest_service(const salesforce_config& config, const std::string& instance_url,
                                                const std::stop_token& stop) {
    using namespace std::chrono;
    const auto before = system_clock::now();
    const http::response answer = send(config, instance_url + "/services/data/", {}, stop);
    const auto between = before + (system_clock::now() - before) / 2;
    if (!answer.ok()) return {{}, read_rest_refusal(answer.status, answer.body)};
    rest_outcome<rest_service> out;
    // The header has whole seconds: on average half a second has been cut off.
    if (answer.date) out.value.clock_ahead = round<seconds>(*answer.date + milliseconds(500) - between);
    const auto versions = parse(answer.body);
    int newest = 0;
    if (versions && versions->is_array())
        for (const nlohmann::json& one : *versions) {
            const std::string version = text_of(one, "version");
            int number = 0;
            const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
            if (error == std::errc() && std::string_view(end, version.data() + version.size()) == ".0"
                && number <= newest_known)
                newest = std::max(newest, number);
        }
    if (newest == 0)
        out.refused = no_answer_of_the_api(answer.status, "/services/data/");
    else
        out.value.newest_version = std::to_string(newest) + ".0";
    return out;
}

rest::rest(const salesforce_config& config, session s, const std::string& version, std::stop_token stop)
    : config_(config), session_(std::move(s)), base_("/services/data/v" + version), stop_(std::move(stop)) {}

rest_outcome<nlohmann::json> rest::get(const std::string& path) {
    const http::response answer = send(config_, session_.instance_url + path, session_.access_token, stop_);
    if (!answer.ok()) return {{}, read_rest_refusal(answer.status, answer.body)};
    if (auto value = parse(answer.body); value && value->is_object()) return {std::move(*value), {}};
    return {{}, no_answer_of_the_api(answer.status, path)};
}

rest_outcome<std::vector<std::pair<std::string, rest::limit>>> rest::limits() {
    auto [answer, refused] = get(base_ + "/limits/");
    if (refused) return {{}, std::move(refused)};
    rest_outcome<std::vector<std::pair<std::string, limit>>> out;
    for (const auto& [name, numbers] : answer.items()) {
        const auto number = [&](const char* member) -> std::optional<std::int64_t> {
            if (!numbers.is_object() || !numbers.contains(member) || !numbers[member].is_number_integer())
                return std::nullopt;
            return numbers[member].template get<std::int64_t>();
        };
        const auto max = number("Max"), remaining = number("Remaining");
        if (max && remaining) out.value.push_back({name, {*max, *remaining}});
    }
    return out;
}

rest_outcome<std::vector<nlohmann::json>> rest::all_pages(const std::string& first) {
    rest_outcome<std::vector<nlohmann::json>> out;
    std::string path = first;
    // A page may be empty; a server that sends nothing but such pages is given up.
    for (std::size_t pages = 0; !path.empty(); ++pages) {
        auto [answer, refused] = get(path);
        if (refused) return {{}, std::move(refused)};
        const auto records = answer.find("records");
        if (records == answer.end() || !records->is_array()) return {{}, no_answer_of_the_api(200, path)};
        if (pages == most_records || out.value.size() + records->size() > most_records)
            return {{},
                    rest_refusal{rest_fault::bad_request,
                                 {},
                                 "the query has more than " + std::to_string(most_records) + " records"}};
        for (nlohmann::json& record : *records) out.value.push_back(std::move(record));
        path = text_of(answer, "nextRecordsUrl");
        // It is put behind the instance's URL, and must not lead anywhere else.
        if (!path.empty() && !path.starts_with("/services/data/")) return {{}, no_answer_of_the_api(200, first)};
    }
    return out;
}

rest_outcome<std::vector<nlohmann::json>> rest::tooling_query(const std::string& statement) {
    return all_pages(base_ + "/tooling/query/?q=" + http::percent_encoded(statement));
}

rest_outcome<std::vector<nlohmann::json>> rest::query(const std::string& statement) {
    return all_pages(base_ + "/query/?q=" + http::percent_encoded(statement));
}

rest_outcome<std::vector<std::string>> rest::field_names(const std::string& object) {
    auto [answer, refused] = get(base_ + "/sobjects/" + http::percent_encoded(object) + "/describe/");
    if (refused) return {{}, std::move(refused)};
    const auto fields = answer.find("fields");
    if (fields == answer.end() || !fields->is_array()) return {{}, no_answer_of_the_api(200, "describe")};
    rest_outcome<std::vector<std::string>> out;
    for (const nlohmann::json& field : *fields)
        if (std::string name = text_of(field, "name"); !name.empty()) out.value.push_back(std::move(name));
    return out;
}

} // namespace sfcdc::runner::salesforce
