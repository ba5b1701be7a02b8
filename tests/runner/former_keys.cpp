#include "config/former_keys.hpp"

#include "catch.hpp"
#include "config/config.hpp"
#include "config/options.hpp"
#include "names.hpp"
#include "operations/failure.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

using namespace sfcdc::runner;

namespace {

std::string complaint_about(const std::string& text) {
    try {
        (void)parse_config(text, "sfcdc.toml");
        return {};
    } catch (const failure& f) {
        return f.what();
    }
}

} // namespace

TEST_CASE("a key of another program is answered with the one that is meant") {
    const std::string said = complaint_about("memory_limit = \"64 MiB\"\n"
                                             "databricks_auth = 1\n"
                                             "[salesforce]\n"
                                             "salesforce_client_id = \"a\"\n"
                                             "loginUrl = \"b\"\n"
                                             "[[pipeline]]\n"
                                             "sf_object_channel = \"AccountChangeEvent\"\n"
                                             "databricks_table = \"a.b.c\"\n"
                                             "batch_size = 10\n");
    for (const char* const line :
         {"sfcdc.toml:2:1: databricks_auth: unknown key; it is one of salesforce-zerobus, and here its members are "
          "keys of the section "
          "[databricks] (docs/moving.md)",
          "sfcdc.toml:4:1: [salesforce] salesforce_client_id: unknown key; it is one of salesforce-zerobus, and here "
          "it is \"client_id\" in "
          "[salesforce] (docs/moving.md)",
          "sfcdc.toml:5:1: [salesforce] loginUrl: unknown key; it is one of the community connector of Lakeflow, and "
          "here it is "
          "\"login_url\" in [salesforce] (docs/moving.md)",
          "sfcdc.toml:7:1: [pipeline] sf_object_channel: unknown key; it is one of salesforce-zerobus, and here it "
          "is \"topic\" in "
          "[[pipeline]] (docs/moving.md)",
          "sfcdc.toml:8:1: [pipeline] databricks_table: unknown key; it is one of salesforce-zerobus, and here it is "
          "\"table\" in "
          "[[pipeline]] (docs/moving.md)",
          "sfcdc.toml:9:1: [pipeline] batch_size: unknown key; it is one of salesforce-zerobus, and here nothing is "
          "to be set: as many "
          "events are asked for as there is room for in \"memory_limit\" (docs/moving.md)"}) {
        CAPTURE(said, line);
        CHECK(said.find(line) != std::string::npos);
    }
    CHECK(hint_about_former_key("tabel").empty());
}

TEST_CASE("what is said about keys of other programs names keys that exist, and is in docs/moving.md") {
    std::ifstream file(SFCDC_SOURCE_ROOT "/docs/moving.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    // Names in the first cells of the tables whose head says that they are settings.
    std::set<std::string> in_the_page;
    bool settings = false;
    for (std::size_t at = 0; at < page.size();) {
        const std::size_t end = std::min(page.find('\n', at), page.size());
        const std::string line = page.substr(at, end - at);
        at = end + 1;
        if (!line.starts_with('|')) settings = false;
        if (line.starts_with("| setting")) settings = true;
        if (!settings) continue;
        const std::string cell = line.substr(0, line.find('|', 1));
        for (std::size_t open = cell.find('`'); open != cell.npos;
             open = cell.find('`', cell.find('`', open + 1) + 1))
            in_the_page.insert(in_small_letters(cell.substr(open + 1, cell.find('`', open + 1) - open - 1)));
    }
    // Settings that have the same name here are no unknown keys.
    std::set<std::string> unknown_here;
    for (const std::string& name : in_the_page)
        if (std::ranges::none_of(options(), [&](const option& o) { return o.key == name; }))
            unknown_here.insert(name);
    std::set<std::string> in_the_table;
    for (const former_key& key : former_keys()) {
        CAPTURE(key.name);
        CHECK(in_the_table.emplace(key.name).second);
        CHECK(in_small_letters(std::string(key.name)) == key.name);
        for (std::size_t open = key.here.find('"'); open != key.here.npos;) { // "topic", and the like
            const std::size_t close = key.here.find('"', open + 1);
            const std::string_view word = key.here.substr(open + 1, close - open - 1);
            CAPTURE(word);
            if (word != "earliest" && word != "latest")
                CHECK(std::ranges::any_of(options(), [&](const option& o) { return o.key == word; }));
            open = key.here.find('"', close + 1);
        }
    }
    CHECK(unknown_here == in_the_table);
}
