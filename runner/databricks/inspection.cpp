#include "inspection.hpp"

#include "../io/http.hpp"
#include "answers.hpp"

namespace sfcdc::runner::databricks {
namespace {

constexpr std::size_t most_pages_of_a_list = 100;

refusal broken_answer(const std::string& bad) {
    return {refusal_class::other, {}, {}, "an answer cannot be read: " + bad};
}

// One text of an answer.
outcome<std::string> text_of_answer(workspace& at, const std::string& path, const char* member,
                                    const std::stop_token& stop, const rest_options& options) {
    auto [answer, refused] = rest_session(at, options, stop).get(path);
    if (refused) return {{}, std::move(refused)};
    std::string bad;
    std::string text = members(answer, "", bad).text(member);
    if (!bad.empty()) return {{}, broken_answer(bad)};
    return {std::move(text), {}};
}

} // namespace

outcome<std::vector<effective_privilege>>
effective_privileges(workspace& at, const std::string& type, const std::string& full_name,
                     const std::string& principal, const std::stop_token& stop, const rest_options& options) {
    outcome<std::vector<effective_privilege>> out;
    rest_session session(at, options, stop);
    const std::string path = "/api/2.1/unity-catalog/effective-permissions/" + type + "/"
                             + http::percent_encoded(full_name)
                             + "?max_results=0&principal=" + http::percent_encoded(principal);
    std::string token;
    for (std::size_t page = 0; page < most_pages_of_a_list; ++page) { // a page may be empty and have a next one
        auto [answer, refused] =
            session.get(token.empty() ? path : path + "&page_token=" + http::percent_encoded(token));
        if (refused) return {{}, std::move(refused)};
        std::string bad;
        const members m(answer, "", bad);
        m.each("privilege_assignments", [&](const members& assignment) {
            // The answer is about one principal, and about the groups that it is a member of.
            assignment.each("privileges", [&](const members& p) {
                out.value.push_back(
                    {p.text("privilege"), p.text("inherited_from_type"), p.text("inherited_from_name")});
            });
        });
        token = m.text("next_page_token");
        if (!bad.empty()) return {{}, broken_answer(bad)};
        if (token.empty()) return out;
    }
    return {{}, broken_answer("it has too many pages")};
}

outcome<std::string> warehouse_state(workspace& at, const std::string& id, const std::stop_token& stop,
                                     const rest_options& options) {
    return text_of_answer(at, "/api/2.0/sql/warehouses/" + http::percent_encoded(id), "state", stop, options);
}

outcome<std::string> metastore_region(workspace& at, const std::stop_token& stop, const rest_options& options) {
    return text_of_answer(at, "/api/2.1/unity-catalog/metastore_summary", "region", stop, options);
}

} // namespace sfcdc::runner::databricks
