#include "options.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sfcdc::runner {
namespace {

// clang-format off
constexpr option all_options[] = {
    {"", "memory_limit", "text", "256 MiB", "",
     "bounds the events and rows that all pipelines hold together, which is what a lake that stands still costs; from `16 MiB` to `1024 GiB`. Each pipeline has 4 MiB at least"},
    {"", "drain_time", "whole number", "25", "",
     "seconds in which what was received may become durable when the process is asked to end; the process ends 4 seconds later at the latest"},
    {"", "log_level", "text", "info", "", "or `trace`, `debug`, `warn`, `error`; the option `--log-level` overrides it"},
    {"", "log_format", "text", "text", "", "or `json`: lines with `time`, `level` and `message`"},
    {"salesforce", "grant", "text", "what the keys show, else client_credentials", "",
     "how to log in: `client_credentials`, `jwt_bearer`, `access_token` or `soap`; see [Logins](running.md#logins), also for which keys each one has"},
    {"salesforce", "login_url", "text", "", "",
     "the My Domain URL, as in `https://acme.my.salesforce.com`; `https://login.salesforce.com` or `https://test.salesforce.com` where the grant works there"},
    {"salesforce", "client_id", "text", "", "",
     "client_credentials, jwt_bearer: the consumer key of the app"},
    {"salesforce", "client_secret", "text", "", "",
     "client_credentials: the consumer secret of the app"},
    {"salesforce", "username", "text", "", "",
     "jwt_bearer, soap: of the user"},
    {"salesforce", "private_key_file", "text", "", "",
     "jwt_bearer: a file in PEM with the RSA key, of 2048 bits at least, whose certificate the app has; other users of the machine may not read it"},
    {"salesforce", "private_key_passphrase", "text", "none", "",
     "jwt_bearer: of an encrypted key"},
    {"salesforce", "audience", "text", "what the host shows", "",
     "jwt_bearer: who the assertion is for"},
    {"salesforce", "access_token", "text", "", "",
     "access_token: as `sf org display` prints it"},
    {"salesforce", "instance_url", "text", "", "",
     "access_token: in place of `login_url`, as `sf org display` prints it"},
    {"salesforce", "password", "text", "", "",
     "soap: of the user"},
    {"salesforce", "security_token", "text", "none", "",
     "soap: of the user; not needed from a trusted network"},
    {"salesforce", "pubsub_endpoint", "text", "api.pubsub.salesforce.com:443", "",
     "host and port of the Pub/Sub API; `http://` in front means without TLS, for an emulator on this machine"},
    {"salesforce", "ca_file", "text", "the system's roots", "",
     "the certificates that are trusted, as PEM"},
    {"salesforce", "delivery_allocation", "whole number", "none", "",
     "how many events the org may deliver in 24 hours, for the pages of `[status]`"},
    {"databricks", "workspace_url", "text", "", "DATABRICKS_HOST",
     "the workspace, as in `https://dbc-a1b2345c-d6e7.cloud.databricks.com`; needed when a pipeline has `sink = \"zerobus\"`"},
    {"databricks", "zerobus_endpoint", "text", "", "",
     "`https://<workspace-id>.zerobus.<region>.cloud.databricks.com`; without TLS as `pubsub_endpoint`"},
    {"databricks", "warehouse_id", "text", "none", "",
     "the SQL warehouse that makes, widens and reads tables: what its HTTP path ends with. Everything else works without it"},
    {"databricks", "client_id", "text", "", "DATABRICKS_CLIENT_ID",
     "of the service principal"},
    {"databricks", "client_secret", "text", "", "DATABRICKS_CLIENT_SECRET",
     "of the service principal"},
    {"databricks", "ca_file", "text", "the system's roots", "",
     "the certificates that are trusted, as PEM"},
    {"status", "listen", "text", "none: no server", "",
     "IP address and port of the HTTP server that says how the process is, such as `127.0.0.1:9464` (port 0: any); see [Operations](operations.md)"},
    {"status", "log_interval", "whole number", "60", "",
     "seconds from one line of the log that says how a pipeline is to the next; 0: none"},
    {"status", "ready_after", "whole number", "600", "",
     "seconds after which a position that could not move makes `/readyz` answer 503"},
    {"status", "otlp_endpoint", "text", "none", "",
     "the URL of an OpenTelemetry receiver, such as `http://localhost:4318`: the metrics are sent there, too, by OTLP over HTTP (`/v1/metrics` is added)"},
    {"status", "otlp_interval", "whole number", "60", "",
     "seconds from one such request to the next"},
    {"status", "otlp_headers", "list of texts", "none", "",
     "more headers of these requests, such as `[\"Authorization: Bearer ${file:/run/secrets/otlp}\"]`"},
    {"pipeline", "topic", "text", "", "",
     "`/data/AccountChangeEvent`, `/data/ChangeEvents`, `/event/Name__e`, …; `Account`, `Invoice__c`, `Order__e` and `/data/Invoice__cChangeEvent` are understood, and said. A pattern such as `/event/*` stands for each topic of the org that matches; see [Topics by pattern](running.md#topics-by-pattern)"},
    {"pipeline", "topic_interval", "whole number", "60", "",
     "for a `topic` with `*`: seconds from one question for its topics to the next, each of which costs two or three API requests of the org"},
    {"pipeline", "managed_subscription", "text", "none", "",
     "developer name or id of a managed event subscription of this topic: Salesforce keeps the position, so that there is no `checkpoint`; `dead_letters` is needed then unless the sink is sqlite. What becomes durable while the process ends is not told to Salesforce, and comes again; also into sqlite"},
    {"pipeline", "salesforce", "text", "the only section, or the one without a name", "",
     "which of several sections `[salesforce.NAME]`, as `\"NAME\"`"},
    {"pipeline", "databricks", "text", "the only section, or the one without a name", "",
     "which of several sections `[databricks.NAME]`, as `\"NAME\"`"},
    {"pipeline", "start", "text", "earliest", "",
     "or `latest`: where to begin when no position is stored, and the tables show none"},
    {"pipeline", "backfill", "true or false", "true", "",
     "`false` is another way to write `start = \"latest\"`"},
    {"pipeline", "entities", "list of texts", "all", "",
     "the objects (`entityName`) whose events become rows"},
    {"pipeline", "exclude_entities", "list of texts", "none", "",
     "the objects whose events do not become rows"},
    {"pipeline", "skip_if_only", "list of texts", "none", "",
     "fields, such as `[\"LastModifiedDate\", \"LastModifiedById\"]`: an update that changes no others is left out, and counted"},
    {"pipeline", "only_if_changed", "list of texts", "none", "",
     "fields: an update that changes none of them is left out, and counted"},
    {"pipeline", "exclude_change_types", "list of texts", "none", "",
     "change types that do not become rows: `CREATE`, `UPDATE`, `DELETE`, `UNDELETE`, `GAP_*`, …"},
    {"pipeline", "exclude_origins", "list of texts", "none", "",
     "patterns of `changeOrigin`, such as `[\"*;client=sfcdc\"]`: the changes that such a client made are left out, which breaks the loop of one's own writes"},
    {"pipeline", "deny", "list of texts, or a table of them by object", "none", "",
     "fields that no row has: `[\"SSN__c\", \"*Phone\"]`, or by object: `{ Contact = [\"Phone\"], \"*\" = [\"SSN__c\"] }`; see [Privacy](running.md#privacy)"},
    {"pipeline", "tokenise", "list of texts, or a table of them by object", "none", "",
     "in the same form, fields whose values become tokens"},
    {"pipeline", "token_key_file", "text", "", "",
     "the file of the key that tokens are made with; needed beside `tokenise`"},
    {"pipeline", "sink", "text", "", "",
     "`zerobus`, `sqlite` or `ndjson`"},
    {"pipeline", "layout", "text", "salesforce_zerobus", "",
     "the columns of the rows: or `sfcdc`, `lakeflow`, `typed`; see [Tables](running.md#tables)"},
    {"pipeline", "create", "true or false", "true where there is a `warehouse_id`", "",
     "zerobus: a table that is missing is made"},
    {"pipeline", "evolve", "text", "auto where there is a `warehouse_id`, else plan", "",
     "typed tables: what becomes of fields without a column; or `freeze`"},
    {"pipeline", "evolve_interval", "whole number", "60", "",
     "seconds from one ALTER TABLE of a table to the next: each one ends the streams that read the table"},
    {"pipeline", "plan_file", "text", "the checkpoint, with `.plan.sql` behind its name", "",
     "where the statements of `evolve = \"plan\"` stand"},
    {"pipeline", "columns", "list of texts", "all", "",
     "the columns that the rows have, by their names in the layout"},
    {"pipeline", "exclude", "list of texts", "none", "",
     "the columns that they do not have"},
    {"pipeline", "rename", "table of texts", "none", "",
     "other names for columns: `{ record_data = \"data\" }`"},
    {"pipeline", "table", "text", "events for sqlite", "",
     "zerobus: `catalog.schema.table`; sqlite: its name. `{entity}` in it stands for the event's `entityName`: `main.crm.{entity}` is a table for each object"},
    {"pipeline", "path", "text", "", "",
     "sqlite: the database; ndjson: the file, `-` is standard output"},
    {"pipeline", "checkpoint", "text", "", "",
     "zerobus, ndjson: the file of the position. sqlite keeps it in the database"},
    {"pipeline", "dead_letters", "text", "the checkpoint, with `.dead_letters.ndjson` behind its name; sqlite: the database, with the org's name, the topic and that behind it", "",
     "where events go that cannot be decoded, and rows that Databricks refuses"},
    {"pipeline", "on_undecodable", "text", "dead_letter", "",
     "or `stop`; for such events and such rows"},
    {"pipeline", "on_failure", "text", "restart", "",
     "or `stop`: what happens after a failure while other pipelines are up"},
    {"pipeline", "silence_limit", "whole number", "285", "",
     "seconds without an event or a keepalive (Salesforce sends one each 270 s) before the subscription is opened anew"},
    {"pipeline", "schema_json_every", "whole number", "10000", "",
     "rows between two rows that carry a schema's text; 1: each row carries it, 0: only the first of a run"},
};
// clang-format on

// How many insertions, deletions and replacements lead from one word to the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace

std::span<const option> options() noexcept { return all_options; }

std::vector<std::string_view> keys_of(std::string_view section) {
    std::vector<std::string_view> out;
    for (const option& o : all_options)
        if (o.section == section) out.push_back(o.key);
    return out;
}

const option* option_of(std::string_view section, std::string_view key) noexcept {
    const auto at =
        std::ranges::find_if(all_options, [&](const option& o) { return o.section == section && o.key == key; });
    return at == std::end(all_options) ? nullptr : &*at;
}

std::string_view nearest_word(std::string_view written, std::span<const std::string_view> known) {
    const auto nearest =
        std::ranges::min_element(known, {}, [&](std::string_view k) { return distance(k, written); });
    const bool like =
        nearest != known.end() && distance(*nearest, written) <= std::max<std::size_t>(2, written.size() / 3);
    return like ? *nearest : std::string_view();
}

} // namespace sfcdc::runner
