#include "config/config.hpp"

#include "catch.hpp"
#include "config/options.hpp"
#include "config/start_from.hpp"
#include "config/topic_pattern.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"
#include "salesforce/grants/grant.hpp"

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
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace {

using sfcdc::runner::config;
using sfcdc::runner::follows;
using sfcdc::runner::load_config;
using sfcdc::runner::of_topic;
using sfcdc::runner::pipeline_config;
using sfcdc::runner::topics_with_files;
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
    std::string pipeline = "topic = \"/data/A\"\nsink = \"sqlite\"\npath = \"rows.db\"\n";
    std::string status{};

    config load() const {
        return ::load("[salesforce]\n" + salesforce + "[databricks]\n" + databricks + "[[pipeline]]\n" + pipeline
                      + "[status]\n" + status);
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

std::set<std::string> words_in(const std::string& text, const std::regex& word) {
    std::set<std::string> out;
    for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) out.insert((*at)[1]);
    return out;
}

// What `sfcdc options` and docs/configuration.md describe.
keys described() {
    keys out;
    for (const sfcdc::runner::option& o : sfcdc::runner::options())
        if (!o.section.empty()) out[std::string(o.section)].insert(std::string(o.key));
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
                                         : words_in(said.substr(list + 9), std::regex("(\\w+)"));
    };
    return {{"salesforce", known(&settings::salesforce)},
            {"databricks", known(&settings::databricks)},
            {"pipeline", known(&settings::pipeline)},
            {"status", known(&settings::status)}};
}

} // namespace

TEST_CASE("the keys that are read are those that are described, in the documentation, too") {
    const keys read = read_by_the_reader();
    CHECK(read.at("pipeline").count("topic") == 1);
    CHECK(read == described());
    for (const sfcdc::runner::salesforce::grant& g : sfcdc::runner::salesforce::all_grants()) {
        CHECK(read.at("salesforce").contains(std::string(g.host_key)));
        for (const auto& key : g.keys) CHECK(read.at("salesforce").contains(std::string(key.name)));
    }
    const std::string page = content("docs/configuration.md");
    for (const sfcdc::runner::option& o : sfcdc::runner::options()) {
        INFO(o.key);
        CHECK(page.find("`" + std::string(o.key) + "` | " + std::string(o.type) + " | " + std::string(o.otherwise))
              != std::string::npos);
        CHECK(page.find("| " + std::string(o.meaning) + " |") != std::string::npos);
    }
}

TEST_CASE("mistakes come in the order of the file, each with line and column") {
    settings s;
    s.pipeline += "  silence_limit = 0\nlayuot = \"sfcdc\"\n";
    s.salesforce += "nonsense = 1\n";
    std::vector<std::string> places;
    std::istringstream in(s.complaint());
    for (std::string line; std::getline(in, line);) {
        std::smatch place;
        REQUIRE(std::regex_search(line, place, std::regex(R"(\.toml:(\d+:\d+): )")));
        places.push_back(place[1]);
    }
    CHECK(places == std::vector<std::string>{"5:1", "15:19", "16:1"});
}

TEST_CASE("filters of events have their form, and only change events have what they ask for") {
    const auto with = [](const std::string& lines, const char* topic = "/data/A") {
        settings s;
        s.pipeline = "topic = \"" + std::string(topic) + "\"\nsink = \"sqlite\"\npath = \"rows.db\"\n" + lines;
        return s.complaint();
    };
    const std::string all = "only_if_changed = [\"Name\"]\nexclude_change_types = [\"GAP_*\", \"delete\"]\n"
                            "exclude_origins = [\"*;client=sfcdc\"]\n";
    CHECK(with(all).empty());
    CHECK(with("exclude_change_types = [\"REMOVE\"]\n").find("\"REMOVE\" is no change type") != std::string::npos);
    const std::string said = with(all, "/event/Order__e");
    for (const char* const key : {"only_if_changed", "exclude_change_types", "exclude_origins"})
        CHECK(said.find(std::string("[pipeline] ") + key + ": a platform event has no ChangeEventHeader")
              != std::string::npos);
}

TEST_CASE("--from takes presets, replay ids and times") {
    using sfcdc::runner::start_from_of;
    using sfcdc::runner::start_position;
    CHECK(start_from_of("earliest").from.preset == start_position::earliest);
    CHECK(start_from_of("latest").from.preset == start_position::latest);
    CHECK(start_from_of("00000000000a9b1c").from.replay_id.hex() == "00000000000a9b1c");
    CHECK(start_from_of("0x00000000000a9b1c").from.replay_id.hex() == "00000000000a9b1c");
    CHECK(start_from_of("AAAAAAAKmxw=").from.replay_id.hex() == "00000000000a9b1c");
    CHECK(start_from_of("1970-01-02").from.not_before == 86'400'000);
    CHECK(start_from_of("1970-01-01T00:01Z").from.not_before == 60'000);
    CHECK(start_from_of("2025-11-28T09:30:05Z").from.not_before == 1'764'322'205'000);
    CHECK(start_from_of("00000000000A9B1C").from.replay_id.hex() == "00000000000a9b1c");
    CHECK(start_from_of("2100-01-01").bad.find("not over yet") != std::string::npos);
    for (const char* const bad : {"", "earlyest", "2026-13-01", "2026-02-30", "2026-11-28T09:30:05",
                                  "2026-11-28T24:00Z", "2026-11-28T09:30:05+01:00", "0x", "00000000000a9b1", "!!",
                                  "2026", "20261128", "yesterday123", "AAAAAAAAAAAA", "0x0001"}) {
        INFO(bad);
        CHECK(start_from_of(bad).bad.find("a time in UTC was expected") != std::string::npos);
    }
}

TEST_CASE("the configuration of the README is one") {
    const std::string readme = content("README.md"), begin = "```toml\n";
    const std::size_t at = readme.find(begin) + begin.size();
    const std::string text = readme.substr(at, readme.find("```", at) - at);
    const config c = load(std::regex_replace(text, std::regex(R"(\$\{[^}]*\})"), "a secret"));
    REQUIRE(c.pipelines.size() == 1);
    CHECK(c.pipelines[0].sink == sfcdc::runner::sink_kind::zerobus);
    CHECK(c.databricks.at("").credentials.client_secret.read().text == "a secret");
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
    s.pipeline += "columns = [\"record_${SFCDC_TEST_NAME}_json\", \"replay_id\"]\nrename = { replay_id = "
                  "\"${SFCDC_TEST_NAME}\" }\n"
                  "table = \"my_${SFCDC_TEST_NAME}\"\n";
    const config c = s.load();
    REQUIRE(c.pipelines.size() == 1);
    CHECK(c.pipelines[0].table == "my_data");
    REQUIRE(c.pipelines[0].layout.columns().size() == 2);
    CHECK(c.pipelines[0].layout.columns()[0].name == "record_data_json");
    CHECK(c.pipelines[0].layout.columns()[1].name == "data");

    s.pipeline += "exclude = [\"${SFCDC_TEST_NO_SUCH}\"]\n";
    CHECK(s.complaint().find("[pipeline] exclude: the environment variable SFCDC_TEST_NO_SUCH is not set")
          != std::string::npos);
}

TEST_CASE("numbers of the configuration have bounds, and defaults as docs/running.md says") {
    const config c = settings().load();
    CHECK(c.pipelines.at(0).silence_limit == std::chrono::seconds(285));
    CHECK(c.pipelines.at(0).schema_json_every == 10'000);
    CHECK(c.pipelines.at(0).table == "events");
    CHECK(c.pipelines.at(0).dead_letters == "rows.db.data_AChangeEvent.dead_letters.ndjson");
    CHECK(c.salesforce.at("").pubsub_endpoint == "api.pubsub.salesforce.com:443");
    const auto with = [](const char* line) {
        settings s;
        s.pipeline += line;
        return s.complaint();
    };
    CHECK(with("silence_limit = 1\nschema_json_every = 0\n").empty());
    CHECK(with("silence_limit = 0\n").find("from 1 to 86400") != std::string::npos);
    CHECK(with("silence_limit = 9223372036854775807\n").find("from 1 to 86400") != std::string::npos);
    CHECK(with("schema_json_every = -1\n").find("from 0 to ") != std::string::npos);
    CHECK_FALSE(with("silence_limit = 1.5\n").empty());
}

TEST_CASE("where the status server listens") {
    CHECK(settings().load().status.host.empty());
    CHECK(settings().load().status.log_interval == std::chrono::seconds(60));
    CHECK(settings().load().status.ready_after == std::chrono::seconds(600));
    CHECK(settings().load().salesforce.at("").delivery_allocation == 0);
    const auto with = [](const std::string& line) {
        settings s;
        s.status = line;
        return s;
    };
    const auto at = [&](const std::string& listen) {
        const auto c = with("listen = \"" + listen + "\"\n").load().status;
        return c.host + " " + std::to_string(c.port);
    };
    CHECK(at("127.0.0.1:9464") == "127.0.0.1 9464");
    CHECK(at("0.0.0.0:0") == "0.0.0.0 0"); // other machines, when somebody writes it
    CHECK(at("[::1]:65535") == "::1 65535");
    CHECK(at("localhost:1") == "localhost 1");
    for (const char* const bad : {"", ":1", "9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                                  "127.0.0.1:1x", "::1:9464", "[::1]", "example.com:80", "127.1:80", "[]:1"}) {
        INFO(bad);
        CHECK(with(std::string("listen = \"") + bad + "\"\n").complaint().find("[status] listen: ")
              != std::string::npos);
    }
    CHECK(with("ready_after = 0\n").complaint().find("from 1 to 86400") != std::string::npos);
    CHECK(with("log_interval = 0\n").complaint().empty());
}

TEST_CASE("where metrics are pushed to") {
    const auto with = [](const std::string& status) {
        settings s;
        s.status = status;
        return s;
    };
    CHECK(with("").load().status.otlp.url.empty());
    for (const char* const written :
         {"http://collector:4318", "http://collector:4318/", "http://collector:4318/v1/metrics"})
        CHECK(with("otlp_endpoint = \"" + std::string(written) + "\"\n").load().status.otlp.url
              == "http://collector:4318/v1/metrics");
    for (const char* const bad :
         {"collector:4318", "http://a:b@collector", "http://collector?token=x", "ftp://collector", ""})
        CHECK(with("otlp_endpoint = \"" + std::string(bad) + "\"\n").complaint().find("[status] otlp_endpoint: ")
              != std::string::npos);
    const std::string headers = "otlp_headers = [\"Authorization: Bearer x\"]\n";
    CHECK(with("otlp_endpoint = \"https://collector\"\n" + headers).complaint().empty());
    CHECK(with("otlp_endpoint = \"http://127.0.0.1:4318\"\n" + headers).complaint().empty());
    CHECK(with("otlp_endpoint = \"http://collector\"\n" + headers).complaint().find("by https:// only")
          != std::string::npos);
    CHECK(with(headers).complaint().find("[status] otlp_headers: there is no otlp_endpoint") != std::string::npos);
    for (const char* const bad : {"Authorization", ": x", "A: b\\r\\nC: d"})
        CHECK(with("otlp_endpoint = \"https://collector\"\notlp_headers = [\"" + std::string(bad) + "\"]\n")
                  .complaint()
                  .find("[status] otlp_headers: ")
              != std::string::npos);
}

TEST_CASE("a warehouse is named by its id alone, or not at all") {
    const auto with = [](const std::string& line) {
        settings s;
        s.databricks += line;
        return s;
    };
    CHECK(with("").load().databricks.at("").warehouse_id.empty());
    CHECK(with("warehouse_id = \"\"\n").load().databricks.at("").warehouse_id.empty());
    CHECK(with("warehouse_id = \"1234567890abcdef\"\n").load().databricks.at("").warehouse_id == "1234567890abcdef");
    for (const char* const bad : {"/sql/1.0/warehouses/1234567890abcdef", "a b", "a\\nb", "my-warehouse"}) {
        INFO(bad);
        CHECK(with("warehouse_id = \"" + std::string(bad) + "\"\n").complaint().find("[databricks] warehouse_id: ")
              != std::string::npos);
    }
    CHECK(with("warehouse_id = 5\n").complaint().find("a string was expected") != std::string::npos);
}

TEST_CASE("a URL with a password is refused, and the password is not said") {
    for (const char* const key : {"login_url", "workspace_url", "pubsub_endpoint", "zerobus_endpoint"})
        for (const char* const value :
             {"https://user:hunter2@acme.example", "https://hunter2@acme.example", "hunter2:x@acme.example:443"}) {
            INFO(key << " = " << value);
            settings s;
            std::string& section = std::string(key) == "login_url" || std::string(key) == "pubsub_endpoint"
                                       ? s.salesforce
                                       : s.databricks;
            section = std::regex_replace(section, std::regex("(^|\n)" + std::string(key) + " = .*\n"), "\n");
            section += std::string(key) + " = \"" + value + "\"\n";
            const std::string said = s.complaint();
            CHECK_FALSE(said.empty());
            CHECK(said.find("hunter2") == std::string::npos);
        }
}

TEST_CASE("names that become headers have their form before anything is connected") {
    const auto with = [](const std::string& topic, const std::string& table) {
        settings s;
        s.pipeline = "topic = \"" + topic + "\"\nsink = \"zerobus\"\ncheckpoint = \"x\"\ntable = \"" + table + "\"\n";
        return s.complaint();
    };
    CHECK(with("/data/My_Object__ChangeEvent", "main.my_schema.Table_1").empty());
    for (const char* const topic :
         {"/data/", "/data", "/data/A/B", "/data/A B", "/data/A\\nB", "/event/\\u00e4", "/other/A"})
        CHECK(with(topic, "a.b.c").find("[pipeline] topic: ") != std::string::npos);
    for (const char* const table :
         {"a.b", "a..c", ".a.", "a.b.c.d", "a.b.c ", "a.b.\\u00e4", "a.b.c\\r", "a-b.c.d", "\\u0000.b.c"}) {
        INFO(table);
        CHECK(with("/data/A", table).find("[pipeline] table: ") != std::string::npos);
    }
    CHECK(with("/data/A", std::string(256, 'a') + ".b.c").find("[pipeline] table: ") != std::string::npos);
}

TEST_CASE("a key that is missing is said, whatever else depends on it") {
    for (const char* const sink : {"zerobus", "sqlite", "ndjson", "none"}) {
        settings s;
        s.pipeline = std::string("sink = \"") + sink + "\"\n";
        CHECK(s.complaint().find("[pipeline] topic: missing") != std::string::npos);
    }
}

TEST_CASE("a file has one use, however it is spelt") {
    const test::folder f;
    std::filesystem::create_symlink(f / "", f / "link");
    f.write("there", "");
    std::filesystem::create_hard_link(f / "there", f / "same");
    const auto ndjson = [&](const std::string& path, const std::string& checkpoint, const std::string& more = "") {
        return "topic = \"/data/A\"\nsink = \"ndjson\"\npath = \"" + path + "\"\ncheckpoint = \"" + checkpoint
               + "\"\n" + more;
    };
    const auto in = [&](const char* name) { return (f / name).string(); };
    const auto complaint = [&](const std::string& stream) {
        settings s;
        s.pipeline = stream;
        return s.complaint();
    };
    CHECK(complaint(ndjson(in("p"), in("c"))).empty());
    for (const auto& [path, checkpoint] :
         std::vector<std::pair<std::string, std::string>>{{in("x"), in("x")},
                                                          {in("x"), in("./x")},
                                                          {in("x"), in("link/x")},
                                                          {in("there"), in("same")},
                                                          {in("x.new"), in("x")},
                                                          {in("x.lock"), in("x")},
                                                          {in("x.dead_letters.ndjson"), in("x")},
                                                          {in("none/../x"), in("x")}}) {
        INFO(path << " and " << checkpoint);
        const std::string said = complaint(ndjson(path, checkpoint));
        CHECK(said.find("a file has one use") != std::string::npos);
        CHECK(std::regex_search(said, std::regex(":1[03]:[0-9]+: \\[pipeline\\] (path|dead_letters): ")));
    }
    // Relative ones of which nothing exists yet.
    const std::string here = (std::filesystem::current_path() / "sfcdc_test_none").string();
    for (const char* const spelt : {"./sfcdc_test_none", "x/../sfcdc_test_none", ".//sfcdc_test_none"}) {
        INFO(spelt);
        CHECK(complaint(ndjson(spelt, "sfcdc_test_none")).find("a file has one use") != std::string::npos);
        CHECK(complaint(ndjson(spelt, here)).find("a file has one use") != std::string::npos);
    }
    CHECK(
        complaint(ndjson(in("p"), in("c"), "dead_letters = \"" + in("p") + "\"\n")).find("[pipeline] dead_letters: ")
        != std::string::npos);
    CHECK(complaint(ndjson("-", in("c")) + "[[pipeline]]\n" + ndjson("-", in("d"))).find("a file has one use")
          != std::string::npos);
    CHECK(complaint(ndjson("/dev/null", in("c")) + "[[pipeline]]\n" + ndjson("/dev/null", in("d"))).empty());
    const auto sqlite = [&](const std::string& topic, const std::string& path) {
        return "topic = \"/data/" + topic + "\"\nsink = \"sqlite\"\npath = \"" + path + "\"\n";
    };
    CHECK(complaint(sqlite("A", in("d")) + "[[pipeline]]\n" + sqlite("B", in("./d")))
              .empty()); // one database, two topics
    CHECK_FALSE(complaint(sqlite("A", in("d")) + "[[pipeline]]\n" + sqlite("A", in("./d"))).empty());
    CHECK_FALSE(complaint(sqlite("A", in("d")) + "[[pipeline]]\n" + ndjson(in("d-wal"), in("c"))).empty());
    CHECK_FALSE(complaint(sqlite("A", ":memory:")).empty());
    CHECK_FALSE(complaint(sqlite("A", "file:x?mode=memory")).empty());
    for (const char* const name : {"sfcdc_position", "SFCDC_Position", "sqlite_master"})
        CHECK(complaint(sqlite("A", in("d")) + "table = \"" + name + "\"\n").find("are taken") != std::string::npos);
}

TEST_CASE("a secret from a file has no byte that a header may not carry") {
    const test::folder f;
    const auto with = [&](const std::string& content) {
        f.write("secret", content);
        settings s;
        s.salesforce = "login_url = \"https://acme.my.salesforce.com\"\nclient_id = \"a\"\nclient_secret = \"${file:"
                       + (f / "secret").string() + "}\"\n";
        return s.complaint();
    };
    CHECK(with("good").empty());
    CHECK(with("good\n").empty());
    for (const auto& [content, what] : std::vector<std::pair<std::string, const char*>>{
             {"bad\r\n", "a CR"},
             {"b\nad", "a line break"},
             {std::string("b\0d", 3), "a NUL"},
             {"\xef\xbb\xbfgood", "a byte order mark"},
             {"b\x1b", "the control character 27"},
             {std::string(65'537, 'x'), "it is longer than 65536 bytes"}}) {
        INFO(what);
        const std::string said = with(content);
        CHECK(said.find("[salesforce] client_secret: cannot read the file ") != std::string::npos);
        CHECK(said.find(what) != std::string::npos);
    }
    for (const char* const path : {"/", "/dev/zero", "/no/such/file", "/proc/self/mem"}) {
        settings s;
        s.salesforce =
            std::string(
                "login_url = \"https://acme.my.salesforce.com\"\nclient_id = \"a\"\nclient_secret = \"${file:")
            + path + "}\"\n";
        CHECK(s.complaint().find("[salesforce] client_secret: cannot read the file ") != std::string::npos);
    }
    ::setenv("SFCDC_TEST_CR", "value\r", 1);
    settings s;
    s.pipeline += "table = \"${SFCDC_TEST_CR}\"\n";
    CHECK(s.complaint().find("the environment variable SFCDC_TEST_CR has a CR") != std::string::npos);
}

TEST_CASE("the memory for events and rows has a bound, and a default") {
    CHECK(settings().load().memory_limit == 256u << 20);
    const auto with = [](const std::string& value) {
        settings s;
        return ::load("memory_limit = " + value + "\n[salesforce]\n" + s.salesforce + "[[pipeline]]\n" + s.pipeline)
            .memory_limit;
    };
    CHECK(with("\"16 MiB\"") == 16u << 20);
    CHECK(with("\"2 GiB\"") == std::size_t{2} << 30);
    for (const char* const bad : {"5", "\"5\"", "\"15 MiB\"", "\"0 GiB\"", "\"18446744073709551616 MiB\"",
                                  "\"17592186044416 MiB\"", "\"-1 GiB\"", "\"16MiB\"", "\"\""}) {
        INFO(bad);
        CHECK_THROWS_AS(with(bad), sfcdc::runner::failure);
    }
}

TEST_CASE("certificates are there and in PEM form") {
    const test::folder f;
    const auto with = [&](const std::string& path) {
        settings s;
        s.salesforce += "ca_file = \"" + path + "\"\n";
        return s.complaint();
    };
    f.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    CHECK(with((f / "ca.pem").string()).empty());
    f.write("ca.der", "\x30\x82");
    for (const std::string& bad :
         {(f / "ca.der").string(), (f / "none").string(), (f / "").string(), std::string("/dev/zero")})
        CHECK(with(bad).find("[salesforce] ca_file: ") != std::string::npos);
}

TEST_CASE("a configuration is bounded in size and depth") {
    const auto complaint = [](const std::string& text) {
        try {
            (void)load(text);
            return std::string();
        } catch (const sfcdc::runner::failure& e) {
            CHECK(e.code() == sfcdc::runner::exit_code::bad_config);
            return std::string(e.what());
        }
    };
    std::string dotted = "a";
    for (int i = 0; i < 100'000; ++i) dotted += ".a";
    CHECK(complaint(dotted + " = 1\n").find(":1: no line has so many dots") != std::string::npos);
    CHECK(complaint("\n[" + dotted + "]\n").find(":2: no line has so many dots") != std::string::npos);
    CHECK_FALSE(complaint("x = " + std::string(100'000, '[') + "\n").empty());
    std::string tables = "x = ";
    for (int i = 0; i < 100'000; ++i) tables += "{a=";
    CHECK_FALSE(complaint(tables + "\n").empty());
    CHECK(complaint(std::string(2u << 20, '#')).find("longer than 1048576 bytes") != std::string::npos);
    CHECK(complaint("# " + std::string(900, '.') + "\nx = 1\n").find("x: unknown key") != std::string::npos);
}

TEST_CASE("a topic is understood as people write it, and the correction is told") {
    using pair = std::pair<const char*, const char*>;
    const auto read = [](const char* written) {
        settings s;
        s.pipeline = "topic = \"" + std::string(written) + "\"\nsink = \"sqlite\"\npath = \"rows.db\"\n";
        return s.load();
    };
    for (const auto& [written, meant] :
         {pair{"Account", "/data/AccountChangeEvent"}, pair{"AccountChangeEvent", "/data/AccountChangeEvent"},
          pair{"/data/Account", "/data/AccountChangeEvent"}, pair{"Invoice__c", "/data/Invoice__ChangeEvent"},
          pair{"/data/Invoice__cChangeEvent", "/data/Invoice__ChangeEvent"}, pair{"Order__e", "/event/Order__e"},
          pair{"ChangeEvents", "/data/ChangeEvents"}, pair{"data/ChangeEvents", "/data/ChangeEvents"},
          pair{"event/Order__e", "/event/Order__e"}}) {
        INFO(written);
        const config c = read(written);
        CHECK(c.pipelines.at(0).topic == meant);
        REQUIRE(c.corrections.size() == 1);
        CHECK(c.corrections.at(0).find(std::string(written) + " is " + meant) != std::string::npos);
    }
    for (const char* const right : {"/data/ChangeEvents", "/data/AccountChangeEvent", "/data/My__chn",
                                    "/event/My__chn", "/event/LoginEventStream", "/data/Invoice__ChangeEvent"}) {
        INFO(right);
        CHECK(read(right).pipelines.at(0).topic == right);
        CHECK(read(right).corrections.empty());
    }
    CHECK_THROWS_AS(read("My__chn"), sfcdc::runner::failure); // of change events or of platform events?
}

TEST_CASE("several orgs and workspaces have names, and a pipeline says which it means") {
    const std::string org =
        "login_url = \"https://acme.my.salesforce.com\"\nclient_id = \"a\"\nclient_secret = \"b\"\n";
    const auto said = [](const std::string& text) -> std::string {
        try {
            (void)load(text);
            return {};
        } catch (const sfcdc::runner::failure& f) {
            return f.what();
        }
    };
    const std::string rows = "[[pipeline]]\ntopic = \"Account\"\nsink = \"sqlite\"\npath = \"rows.db\"\n";
    CHECK(load("[salesforce.emea]\n" + org + rows).pipelines.at(0).salesforce == "emea"); // the only one
    CHECK(load("[salesforce]\n" + org + "[salesforce.emea]\n" + org + rows).pipelines.at(0).salesforce.empty());
    const config two = load("[salesforce.emea]\n" + org + "[salesforce.us]\n" + org + rows + "salesforce = \"us\"\n");
    CHECK(two.pipelines.at(0).salesforce == "us");
    CHECK(two.salesforce.at("us").section == "[salesforce.us]");
    CHECK(said("[salesforce.emea]\n" + org + "[salesforce.us]\n" + org + rows)
              .find(":9:1: [pipeline] salesforce: missing; there are [salesforce.emea], [salesforce.us]")
          != std::string::npos);
    CHECK(said("[salesforce.emea]\n" + org + rows + "salesforce = \"asia\"\n")
              .find(":9:14: [pipeline] salesforce: there is no [salesforce.asia] in this file; known are "
                    "[salesforce.emea]")
          != std::string::npos);
    CHECK(said("[salesforce.emea]\n" + org + "nonsense = 1\n" + rows).find("[salesforce.emea] nonsense: unknown key")
          != std::string::npos);
    CHECK(said("[salesforce.\"a b\"]\n" + org + rows).find("[salesforce.a b]: a name of ASCII letters")
          != std::string::npos);
    CHECK(said(rows).find("the section [salesforce] is missing") != std::string::npos);
    // What pipelines were called before.
    const std::string old_rows = "[[stream]]" + rows.substr(rows.find('\n'));
    const config old = load("[salesforce]\n" + org + old_rows);
    CHECK(old.pipelines.at(0).path == "rows.db");
    CHECK(old.corrections.at(0) == "[[stream]] is called [[pipeline]]");
    CHECK(said("[salesforce]\n" + org + old_rows + rows).find("stream: unknown key") != std::string::npos);
    CHECK(said("[salesforce]\n" + org + "[[stream]]\nnone = 1\n").find(":6:1: [pipeline] none: unknown key")
          != std::string::npos);
}

TEST_CASE("the table may follow the entity, and one table has one layout") {
    const auto with = [](const std::string& more, const std::string& topic = "/data/ChangeEvents") {
        settings s;
        s.pipeline = "topic = \"" + topic + "\"\nsink = \"zerobus\"\ncheckpoint = \"x\"\n" + more;
        return s.complaint();
    };
    CHECK(with("table = \"main.crm.{entity}\"\nentities = [\"Account\", \"Invoice__c\"]\n").empty());
    CHECK(with("table = \"main.crm.{object}\"\n").find("{entity} and {topic} are what may stand in braces")
          != std::string::npos);
    CHECK(with("table = \"main.crm.{entity}\"\n", "/event/Order__e").find("has no entityName") != std::string::npos);
    CHECK(with("table = \"a.b.c\"\nskip_if_only = [\"LastModifiedDate\"]\n", "/event/Order__e")
              .find("[pipeline] skip_if_only")
          != std::string::npos);
    CHECK(with("table = \"a.b.c\"\nentities = [\"No Object\"]\n").find("\"No Object\" is no name of an object")
          != std::string::npos);
    const std::string second =
        "[[pipeline]]\ntopic = \"Account\"\nsink = \"zerobus\"\ncheckpoint = \"y\"\ntable = \"a.b.C\"\n";
    CHECK(with("table = \"a.b.c\"\n" + second).empty());
    CHECK(
        with("table = \"a.b.c\"\n" + second + "layout = \"sfcdc\"\n").find("writes rows of another layout into a.b.C")
        != std::string::npos);
}

TEST_CASE("a managed subscription has its position in Salesforce, and its letters in a file") {
    const auto with = [](const std::string& more) {
        settings s;
        s.pipeline = "topic = \"/data/ChangeEvents\"\nmanaged_subscription = \"Rows\"\n" + more;
        return s.complaint();
    };
    const std::string lines = "sink = \"ndjson\"\npath = \"x\"\n";
    CHECK(with(lines + "dead_letters = \"y\"\n").empty());
    CHECK(with("sink = \"sqlite\"\npath = \"x\"\n").empty());
    CHECK(with(lines).find("[pipeline] dead_letters: missing") != std::string::npos);
    CHECK(with(lines + "dead_letters = \"y\"\ncheckpoint = \"z\"\n").find("[pipeline] checkpoint: Salesforce keeps")
          != std::string::npos);
    CHECK(with(lines + "dead_letters = \"y\"\nstart = \"latest\"\n").find("[pipeline] start: ") != std::string::npos);
    settings s;
    s.pipeline += "managed_subscription = \"No Name\"\n";
    CHECK(s.complaint().find("[pipeline] managed_subscription: ") != std::string::npos);
}

TEST_CASE("each topic of a pattern has files and a table of its own") {
    const auto with = [](const std::string& more) {
        settings s;
        s.pipeline = "topic = \"/event/*\"\n" + more;
        return s.complaint();
    };
    const std::string lines = "sink = \"ndjson\"\npath = \"{topic}.ndjson\"\n",
                      zerobus = "sink = \"zerobus\"\ntable = \"a.b.c\"\n";
    CHECK(with(lines + "checkpoint = \"{topic}.position\"\n").empty());
    CHECK(with("sink = \"sqlite\"\npath = \"x\"\n").empty()); // a database has the positions of many topics
    CHECK(with(lines + "checkpoint = \"position\"\n")
              .find("[pipeline] checkpoint: each topic of a pattern has a file of its own")
          != std::string::npos);
    CHECK(with("sink = \"ndjson\"\npath = \"x\"\ncheckpoint = \"{topic}\"\n").find("[pipeline] path: each topic")
          != std::string::npos);
    CHECK(with(lines + "checkpoint = \"{topic}.position\"\ndead_letters = \"x\"\n")
              .find("[pipeline] dead_letters: each topic")
          != std::string::npos);
    CHECK(with(zerobus + "checkpoint = \"{topic}\"\n").empty()); // rows of many topics in one table
    CHECK(
        with(zerobus + "checkpoint = \"{topic}\"\nlayout = \"typed\"\n").find("put {topic} or {entity} into the name")
        != std::string::npos);
    CHECK(
        with("sink = \"zerobus\"\ntable = \"a.b.{topic}\"\ncheckpoint = \"{topic}\"\nlayout = \"typed\"\n").empty());
    CHECK(with("sink = \"sqlite\"\npath = \"x\"\nmanaged_subscription = \"Rows\"\n")
              .find("a managed subscription has one topic")
          != std::string::npos);
    CHECK(with(lines + "checkpoint = \"{topic}.position\"\nstart = \"latest\"\n")
              .find("[pipeline] start: the topics of a pattern begin at")
          != std::string::npos);
    CHECK(with(lines + "checkpoint = \"{topic}.position\"\nbackfill = false\n")
              .find("[pipeline] backfill: the topics of a pattern")
          != std::string::npos);
    CHECK(with(lines + "checkpoint = \"{topic}/position\"\n")
              .find("[pipeline] checkpoint: {topic} stands in the name of a file")
          != std::string::npos);
    settings one;
    one.pipeline += "topic_interval = 5\n";
    CHECK(one.complaint().find("[pipeline] topic_interval: one topic is not looked for") != std::string::npos);
}

TEST_CASE("{topic} is the last part of the topic, in any pipeline") {
    settings s;
    s.pipeline = "topic = \"/event/Order__e\"\nsink = \"zerobus\"\ntable = \"main.{topic}.x_{topic}\"\ncheckpoint = "
                 "\"{topic}.position\"\n";
    const config named = s.load();
    CHECK(named.pipelines.at(0).table == "main.Order__e.x_Order__e");
    CHECK(named.pipelines.at(0).checkpoint == "Order__e.position");
    CHECK(named.pipelines.at(0).dead_letters == "Order__e.position.dead_letters.ndjson");
    s.pipeline = "topic = \"/event/*\"\nsink = \"sqlite\"\npath = \"rows.db\"\ntable = \"{topic}\"\n";
    const config pattern = s.load();
    CHECK(pattern.pipelines.at(0).table == "{topic}");
    const auto p = of_topic(pattern.pipelines.at(0), "/event/Order__e");
    CHECK(p.table == "Order__e");
    CHECK(p.label == "/event/Order__e");
    CHECK(p.dead_letters == "rows.db.event_Order__e.dead_letters.ndjson");
}

TEST_CASE("which topics a pattern stands for") {
    CHECK(follows("/event/*", "/event/Order__e"));
    CHECK(follows("/event/*__e", "/event/Order__e"));
    CHECK_FALSE(follows("/event/*__e", "/event/LoginEventStream"));
    CHECK_FALSE(follows("/event/*", "/data/AccountChangeEvent"));
    CHECK(follows("/data/*", "/data/AccountChangeEvent"));
    CHECK_FALSE(follows("/data/*", "/data/ChangeEvents"));
    CHECK(follows("/data/*__ChangeEvent", "/data/Invoice__ChangeEvent"));
    CHECK_FALSE(follows("/data/*__ChangeEvent", "/data/AccountChangeEvent"));
    CHECK_FALSE(follows("/data/*", "/data/Sales__chn"));
    CHECK(follows("/data/*__chn", "/data/Sales__chn"));
    // A name becomes a part of paths, and comes from a peer.
    CHECK_FALSE(follows("/event/*", "/event/../../etc/passwd"));
    CHECK_FALSE(follows("/event/*", "/event/"));
    CHECK_FALSE(follows("/event/*", "/event/a b"));
}

TEST_CASE("the topics of a pattern that have files") {
    const test::folder f;
    settings s;
    s.pipeline = "topic = \"/event/*\"\nsink = \"ndjson\"\npath = \"-\"\ncheckpoint = \""
                 + (f / "at_{topic}.position").string() + "\"\n";
    const pipeline_config pattern = s.load().pipelines.at(0);
    CHECK(topics_with_files(pattern).empty());
    const auto position_of = [](const std::string& topic) {
        return R"({"topic":")" + topic + R"(","org_id":"00D000000000001AAA","replay_id":"01"})";
    };
    f.write("at_Order__e.position", position_of("/event/Order__e"));
    f.write("at_Refund__e.position.dead_letters.ndjson", R"({"topic_name":"/event/Refund__e"})");
    // These only have such names.
    f.write("at_Other__e.position", position_of("/data/ChangeEvents"));
    f.write("at_Third__e.position.dead_letters.ndjson", R"({"topic_name":"/data/ChangeEvents"})");
    f.write("at_Fourth__e.position", "{}");
    f.write("at_no name.position", "{}");
    f.write("at_.position", "{}");
    f.write("other", "{}");
    CHECK(topics_with_files(pattern) == std::vector<std::string>{"/event/Order__e", "/event/Refund__e"});
}

TEST_CASE("pipelines of one topic have names of their own in the log") {
    settings s;
    CHECK(s.load().pipelines.at(0).label == "/data/AChangeEvent");
    s.pipeline += "[[pipeline]]\ntopic = \"A\"\nsink = \"zerobus\"\ntable = \"a.b.c\"\ncheckpoint = \"x\"\n";
    const config two = s.load();
    CHECK(two.pipelines.at(0).label == "/data/AChangeEvent into events of rows.db");
    CHECK(two.pipelines.at(1).label == "/data/AChangeEvent into a.b.c of [databricks]");
}

TEST_CASE("keys of pipelines that contradict each other are refused") {
    const auto with = [](const std::string& more) {
        settings s;
        s.pipeline += more;
        return s.complaint();
    };
    CHECK(with("entities = [\"Account\"]\nexclude_entities = [\"Account\"]\n").find("is in entities, too")
          != std::string::npos);
    const std::string managed = "managed_subscription = \"Rows\"\n";
    CHECK(with(managed + "[[pipeline]]\ntopic = \"A\"\nsink = \"sqlite\"\npath = \"other.db\"\n" + managed)
              .find("another pipeline has Rows")
          != std::string::npos);
}

TEST_CASE("fields that are hidden: a list for all objects, or lists by object") {
    const test::folder f;
    f.write("key", std::string(32, 'k'));
    const auto with = [](const std::string& lines) {
        settings s;
        s.pipeline += "exclude = [\"payload_binary\"]\n" + lines;
        return s;
    };
    const std::string key = "token_key_file = \"" + (f / "key").string() + "\"\n";
    REQUIRE(::chmod((f / "key").c_str(), 0640) == 0);
    const auto privacy = [&](const std::string& lines) { return with(lines).load().pipelines.at(0).privacy; };

    CHECK_FALSE(privacy("").hides_something());
    CHECK_FALSE(privacy("deny = []\n").hides_something());
    auto p = privacy("deny = [\"SSN__c\", \"*Email\"]\n");
    REQUIRE(p.deny.size() == 2);
    CHECK(p.deny[0].entity == "*");
    CHECK(p.deny[1].field == "*Email");
    CHECK(p.token_key == nullptr);
    p = privacy("deny = { Contact = [\"Phone\"], \"*\" = [\"SSN__c\"], \"Ord*\" = [\"A.b\"] }\n");
    REQUIRE(p.deny.size() == 3);
    std::map<std::string, std::string> by_object;
    for (const auto& d : p.deny) by_object[d.entity] = d.field;
    CHECK(by_object == std::map<std::string, std::string>{{"Contact", "Phone"}, {"*", "SSN__c"}, {"Ord*", "A.b"}});
    p = privacy("tokenise = [\"Email\"]\n" + key);
    REQUIRE(p.token_key != nullptr);
    CHECK(p.token_key->id() == "5e318f8c"); // of sha256sum
    CHECK(p.tokenise.size() == 1);

    const auto complaint = [&](const std::string& lines) { return with(lines).complaint(); };
    const auto has = [](const std::string& text, const std::string& part) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    };
    has(complaint("deny = \"SSN__c\"\n"), "[pipeline] deny: a list of strings was expected");
    has(complaint("deny = { Contact = \"Phone\" }\n"), "[pipeline.deny] Contact: a list of strings was expected");
    has(complaint("deny = [\"\"]\n"), "\"\" is no name of a field");
    has(complaint("tokenise = [\"a b\"]\n" + key), "[pipeline] tokenise: \"a b\" is no name of a field");
    has(complaint("deny = { \"a.b\" = [\"c\"] }\n"), "the name of an object was expected");
    has(complaint("deny = [\"ChangeEventHeader\"]\n"), "ChangeEventHeader");
    has(complaint("tokenise = { Account = [\"changeEventHeader.recordIds\"] }\n" + key), "ChangeEventHeader");
    CHECK(complaint("deny = [\"C*\", \"*\"]\n").empty()); // whose matches in the header are passed over
}

TEST_CASE("fields that are hidden: rows with the event's bytes are refused where fields are denied") {
    const auto complaint = [](const std::string& lines) {
        settings s;
        s.pipeline += "deny = [\"SSN__c\"]\n" + lines;
        return s.complaint();
    };
    CHECK(complaint("").find("exclude = [\"payload_binary\"]") != std::string::npos);
    CHECK(complaint("rename = { payload_binary = \"bytes\" }\n").find("exclude = [\"payload_binary\"]")
          != std::string::npos);
    CHECK(complaint("layout = \"lakeflow\"\n").find("exclude = [\"event_payload\"]") != std::string::npos);
    CHECK(complaint("layout = \"lakeflow\"\nexclude = [\"event_payload\"]\n").empty());
    CHECK(complaint("layout = \"sfcdc\"\n").empty());
    CHECK(complaint("columns = [\"replay_id\", \"record_data_json\"]\n").empty());
}

TEST_CASE("the key of tokens: there, long enough, and not for everybody") {
    const test::folder f;
    const auto complaint = [&](const std::string& lines) {
        settings s;
        s.pipeline += lines;
        return s.complaint();
    };
    const std::string tokenise = "tokenise = [\"Email\"]\n", path = (f / "key").string();
    const std::string with_key = tokenise + "token_key_file = \"" + path + "\"\n";
    CHECK(complaint(tokenise).find("token_key_file: missing") != std::string::npos);
    CHECK(complaint(with_key).find("cannot be read") != std::string::npos);
    f.write("key", std::string(31, 's'));
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    CHECK(complaint(with_key).find("has 31 bytes") != std::string::npos);
    f.write("key", std::string(1, '\0') + " bytes of any value, \n and \xff among them");
    CHECK(complaint(with_key).empty());
    for (const mode_t mode : {0604, 0602, 0666}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        CHECK(complaint(with_key).find("chmod o-rw") != std::string::npos);
    }
    REQUIRE(::chmod(path.c_str(), 0440) == 0);
    CHECK(complaint("token_key_file = \"" + path + "\"\n").find("there is no \"tokenise\"") != std::string::npos);
    CHECK(complaint(tokenise + "token_key_file = \"" + f.read("key").substr(2, 8) + "\"\n").find("cannot be read")
          != std::string::npos);
}

TEST_CASE("typed tables: what is said of them, and what contradicts itself") {
    const auto with = [](const std::string& more, const std::string& warehouse = "warehouse_id = \"abc\"\n") {
        settings s;
        s.databricks += warehouse;
        s.pipeline = "topic = \"/data/AccountChangeEvent\"\nsink = \"zerobus\"\ncheckpoint = \"c\"\n" + more;
        return s;
    };
    const std::string typed = "layout = \"typed\"\ntable = \"main.crm.{entity}\"\n";
    const auto defaults = with(typed).load().pipelines.front();
    CHECK(defaults.typed);
    CHECK(defaults.create);
    CHECK(defaults.evolve == sfcdc::runner::evolve_mode::auto_);
    CHECK(defaults.evolve_interval == std::chrono::seconds(60));
    CHECK(defaults.plan_file == "c.plan.sql");
    REQUIRE(::setenv("SFCDC_TEST_LAYOUT", "typed", 1) == 0);
    CHECK(with("layout = \"${SFCDC_TEST_LAYOUT}\"\ntable = \"main.crm.{entity}\"\n").load().pipelines.front().typed);
    const auto without = with(typed, "").load().pipelines.front();
    CHECK(!without.create);
    CHECK(without.evolve == sfcdc::runner::evolve_mode::plan);
    CHECK(with("table = \"a.b.c\"\nbackfill = false\n").load().pipelines.front().start
          == sfcdc::runner::start_position::latest);

    const auto says = [&](const settings& s, const char* words) {
        const std::string said = s.complaint();
        INFO(said);
        CHECK(said.find(words) != std::string::npos);
    };
    says(with(typed + "create = true\n", ""),
         "[pipeline] create: a table is made by a SQL warehouse; [databricks] warehouse_id");
    says(with(typed + "evolve = \"auto\"\n", ""), "[pipeline] evolve: a table gets columns by a SQL warehouse");
    says(with(typed + "evolve = \"never\"\n"), "one of \"auto\", \"plan\", \"freeze\" was expected");
    says(with(typed + "evolve_interval = -1\n"), "a whole number from 0 to 86400");
    says(with(typed + "create = 1\n"), "[pipeline] create: true or false was expected");
    says(with(typed + "exclude = [\"Name\"]\n"), "the columns of a typed table are those of the event's schema");
    says(with("table = \"a.b.c\"\nevolve = \"plan\"\n"), "only tables of layout = \"typed\" follow a schema");
    says(with("table = \"a.b.c\"\nbackfill = true\nstart = \"latest\"\n"), "start says the same");
    settings channel = with("layout = \"typed\"\ntable = \"main.crm.accounts\"\n");
    channel.pipeline.replace(channel.pipeline.find("AccountChangeEvent"), 18, "ChangeEvents");
    says(channel, "put {entity} into the name");
    settings sqlite;
    sqlite.pipeline += "layout = \"typed\"\n";
    says(sqlite, "typed tables are of the zerobus sink");
    settings made = sqlite;
    made.pipeline = "topic = \"/data/A\"\nsink = \"sqlite\"\npath = \"rows.db\"\ncreate = true\n";
    says(made, "sfcdc makes tables of the zerobus sink");
}

TEST_CASE("what the platforms of Databricks set stands for keys that are missing") {
    struct variable {
        explicit variable(const char* called, const char* value) : name(called) { ::setenv(name, value, 1); }
        ~variable() { ::unsetenv(name); }
        variable(const variable&) = delete;
        variable& operator=(const variable&) = delete;
        const char* const name;
    };
    settings s;
    s.databricks = "zerobus_endpoint = \"z\"\n";
    for (const char* const key : {"workspace_url", "client_id", "client_secret"})
        CHECK(s.complaint().find("[databricks] " + std::string(key) + ": missing") != std::string::npos);
    {
        const variable host("DATABRICKS_HOST", "adb-1.2.azuredatabricks.net/"),
            id("DATABRICKS_CLIENT_ID", "principal");
        CHECK(s.complaint().find("[databricks] client_secret: missing") != std::string::npos);
        const variable given("DATABRICKS_CLIENT_SECRET", "secret-of-the-app");
        const auto c = s.load().databricks.at("");
        CHECK(c.workspace_url == "https://adb-1.2.azuredatabricks.net");
        CHECK(c.credentials.read("").client_id == "principal");
        CHECK(c.credentials.read("").client_secret == "secret-of-the-app");
        const variable replaced("DATABRICKS_CLIENT_SECRET", "another-secret"); // each use reads it again
        CHECK(c.credentials.read("").client_secret == "another-secret");
        // The keys of the file go before.
        s.databricks += "workspace_url = \"https://w\"\nclient_id = \"a\"\nclient_secret = \"b\"\n";
        CHECK(s.load().databricks.at("").workspace_url == "https://w");
        CHECK(s.load().databricks.at("").credentials.read("").client_id == "a");
    }
    s.databricks = "zerobus_endpoint = \"z\"\nclient_id = \"a\"\nclient_secret = \"b\"\n";
    const variable plain("DATABRICKS_HOST", "http://adb-1.2.azuredatabricks.net");
    CHECK(s.complaint().find("[databricks] workspace_url: a URL with https:// was expected") != std::string::npos);
}
