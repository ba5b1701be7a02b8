#include "config.hpp"

#include "catch.hpp"
#include "failure.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <unistd.h>

namespace {

using sfcdc::runner::config;
using sfcdc::runner::load_config;
using keys = std::map<std::string, std::set<std::string>>; // of each section

config load(const std::string& text) {
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("sfcdc_config_" + std::to_string(::getpid()) + ".toml");
    std::ofstream(file) << text;
    struct remover {
        const std::filesystem::path& of;
        ~remover() { std::filesystem::remove(of); }
    } const gone{file};
    return load_config(file);
}

std::string content(const char* path) {
    std::ifstream in(std::string(SFCDC_SOURCE_ROOT "/") + path);
    return {std::istreambuf_iterator<char>(in), {}};
}

// A configuration that is good; a test adds to it, or says otherwise.
struct settings {
    std::string salesforce =
        "login_url = \"https://acme.my.salesforce.com\"\nclient_id = \"a\"\nclient_secret = \"b\"\n";
    std::string databricks =
        "workspace_url = \"https://w\"\nzerobus_endpoint = \"z\"\nclient_id = \"a\"\nclient_secret = \"b\"\n";
    std::string stream = "topic = \"/data/A\"\nsink = \"sqlite\"\npath = \"rows.db\"\n";

    config load() const {
        return ::load("[salesforce]\n" + salesforce + "[databricks]\n" + databricks + "[[stream]]\n" + stream);
    }
    // "": nothing is wrong.
    std::string complaint() const {
        try {
            (void)load();
            return {};
        } catch (const sfcdc::runner::failure& f) {
            CHECK(f.code() == sfcdc::runner::exit_code::bad_config);
            return f.what();
        }
    }
};

std::set<std::string> words(const std::string& text, const std::regex& word) {
    std::set<std::string> out;
    for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) out.insert((*at)[1]);
    return out;
}

// What the table of docs/running.md names.
keys documented() {
    std::istringstream in(content("docs/running.md"));
    keys out;
    std::string section;
    for (std::string line; std::getline(in, line);) {
        std::smatch cells;
        if (!std::regex_match(line, cells, std::regex(R"(\| *(`\[+(\w+)\]+`)? *\| *(`\w+`[^|]*)\|.*)"))) continue;
        if (cells[2].matched) section = cells[2];
        for (const std::string& key : words(cells[3], std::regex("`(\\w+)`"))) out[section].insert(key);
    }
    return out;
}

// What is read: a key that is like none makes the reader name all of them.
keys read_by_the_reader() {
    const auto known = [](std::string settings::* section) {
        settings s;
        (s.*section) += "zzzzzzzzzzzzzzzzzzzzzzzzzzz = 1\n";
        const std::string said = s.complaint();
        const std::size_t list = said.find("known are ");
        return list == std::string::npos ? std::set<std::string>()
                                         : words(said.substr(list + 9), std::regex("(\\w+)"));
    };
    return {{"salesforce", known(&settings::salesforce)},
            {"databricks", known(&settings::databricks)},
            {"stream", known(&settings::stream)}};
}

} // namespace

TEST_CASE("the keys of the configuration are those that docs/running.md names") {
    const keys read = read_by_the_reader();
    CHECK(read.at("stream").count("topic") == 1);
    CHECK(read == documented());
}

TEST_CASE("the configuration of the README is one") {
    const std::string readme = content("README.md"), begin = "```toml\n";
    const std::size_t at = readme.find(begin) + begin.size();
    const std::string text = readme.substr(at, readme.find("```", at) - at);
    const config c = load(std::regex_replace(text, std::regex(R"(\$\{[^}]*\})"), "a secret"));
    REQUIRE(c.streams.size() == 1);
    CHECK(c.streams[0].sink == sfcdc::runner::sink_kind::zerobus);
    CHECK(c.databricks.client_secret == "a secret");
}

TEST_CASE("credentials leave this machine by TLS only") {
    CHECK(settings().complaint().empty());
    const auto of = [](const std::string& key, const std::string& value) {
        settings s;
        std::string& section = key == "login_url" || key == "pubsub_endpoint" ? s.salesforce : s.databricks;
        section = std::regex_replace(section, std::regex("(^|\n)" + key + " = .*\n"), "\n");
        section += key + " = \"" + value + "\"\n";
        return s.complaint();
    };
    for (const char* const key : {"login_url", "workspace_url", "pubsub_endpoint", "zerobus_endpoint"}) {
        INFO(key);
        for (const char* const good : {"https://acme.example", "https://acme.example/", "http://127.0.0.1",
                                       "http://127.0.0.1:80", "http://localhost:1/", "http://[::1]:443"})
            CHECK(of(key, good).empty());
        for (const char* const bad :
             {"http://acme.example", "http://127.0.0.1.acme.example", "http://localhost.acme.example:80",
              "http://localhost:1@acme.example", "http://10.0.0.1:80"}) {
            INFO(bad);
            CHECK(of(key, bad).find(std::string("] ") + key + ": ") != std::string::npos);
        }
    }
    CHECK(of("pubsub_endpoint", "acme.example:443").empty()); // TLS unless it says otherwise
    CHECK_FALSE(of("login_url", "acme.example").empty());
}

TEST_CASE("variables are replaced in every string, also in lists and tables") {
    ::setenv("SFCDC_TEST_NAME", "data", 1);
    settings s;
    s.stream += "columns = [\"record_${SFCDC_TEST_NAME}_json\", \"replay_id\"]\nrename = { replay_id = "
                "\"${SFCDC_TEST_NAME}\" }\n"
                "table = \"my_${SFCDC_TEST_NAME}\"\n";
    const config c = s.load();
    REQUIRE(c.streams.size() == 1);
    CHECK(c.streams[0].table == "my_data");
    REQUIRE(c.streams[0].layout.columns().size() == 2);
    CHECK(c.streams[0].layout.columns()[0].name == "record_data_json");
    CHECK(c.streams[0].layout.columns()[1].name == "data");

    s.stream += "exclude = [\"${SFCDC_TEST_NO_SUCH}\"]\n";
    CHECK(s.complaint().find("[stream] exclude: the environment variable SFCDC_TEST_NO_SUCH is not set")
          != std::string::npos);
}

TEST_CASE("numbers of the configuration have bounds, and defaults as docs/running.md says") {
    const config c = settings().load();
    CHECK(c.streams.at(0).silence_limit == std::chrono::seconds(285));
    CHECK(c.streams.at(0).schema_json_every == 10'000);
    CHECK(c.streams.at(0).table == "events");
    CHECK(c.streams.at(0).dead_letters == "rows.db.dead_letters.ndjson");
    CHECK(c.salesforce.pubsub_endpoint == "api.pubsub.salesforce.com:443");
    const auto with = [](const char* line) {
        settings s;
        s.stream += line;
        return s.complaint();
    };
    CHECK(with("silence_limit = 1\nschema_json_every = 0\n").empty());
    CHECK(with("silence_limit = 0\n").find("from 1 to 86400") != std::string::npos);
    CHECK(with("silence_limit = 9223372036854775807\n").find("from 1 to 86400") != std::string::npos);
    CHECK(with("schema_json_every = -1\n").find("from 0 to ") != std::string::npos);
    CHECK_FALSE(with("silence_limit = 1.5\n").empty());
}
