#include "workspace_checks.hpp"

#include "../databricks/inspection.hpp"
#include "../io/http.hpp"
#include "../names.hpp"
#include "../operations/advice.hpp"
#include "../pipeline/hidden_fields.hpp"
#include "../sinks/table_stream.hpp"
#include "judgements.hpp"
#include "paths.hpp"

#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/typed_layout.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <utility>
#include <variant>

namespace sfcdc::runner::doctor {
namespace {

using clock = std::chrono::steady_clock;
using databricks::refusal;
using databricks::refusal_class;

// A busy workspace is waited for, but nobody waits long for a doctor.
const databricks::rest_options patience{.limit = std::chrono::seconds(8)};
constexpr std::chrono::seconds stream_limit{15};

} // namespace

void workspace_checks::run() {
    const std::string& section = config_.section;
    const bool reached = look_at_path(report_, section + " workspace_url", connecting_library::curl,
                                      config_.workspace_url, config_.ca_file);
    zerobus_reached_ = look_at_path(report_, section + " zerobus_endpoint", connecting_library::grpc,
                                    config_.zerobus_endpoint, config_.ca_file);
    if (!reached) {
        for (const char* const check : {"token", "region", "warehouse"})
            report_.skip(check, section, "a way to workspace_url");
        return;
    }
    try {
        (void)workspace_.rest_tokens().newer_than(0, {});
        token_good_ = true;
        report_.good("token", section, "Databricks gives a token for its REST API");
    } catch (const http::unavailable& u) {
        report_.add("token", section,
                    {verdict::failed, u.reason, "where a key is named, mend it; otherwise try again later"});
    } catch (const failure& f) {
        report_.add("token", section, judgement_of(f));
    }
    look_at_region();
    look_at_warehouse();
}

void workspace_checks::look_at_region() {
    std::string region;
    if (token_good_) region = databricks::metastore_region(workspace_, {}, patience).value;
    report_.add("region", config_.section, judge_region(config_.workspace_url, config_.zerobus_endpoint, region));
}

void workspace_checks::look_at_warehouse() {
    const std::string& id = config_.warehouse_id;
    if (id.empty())
        return (void)report_.good("warehouse", config_.section, "no warehouse is configured, and none is needed");
    if (!token_good_) return report_.skip("warehouse", config_.section, "a token");
    const auto [state, refused] = databricks::warehouse_state(workspace_, id, {}, patience);
    if (!refused) {
        report_.good("warehouse", config_.section, "the warehouse " + id + " is " + in_small_letters(state));
        return;
    }
    judgement j{verdict::failed, "the workspace does not give the warehouse " + id + " (" + refused->message + ")"};
    if (refused->what == refusal_class::no_privilege)
        j.fix = "give the service principal CAN USE on the warehouse";
    else if (refused->what == refusal_class::not_found || refused->what == refusal_class::invalid)
        j.fix = "check warehouse_id: it is what the HTTP path of the warehouse ends with";
    else
        j.fix = "try again later";
    report_.add("warehouse", config_.section, std::move(j));
}

void workspace_checks::look_at(const pipeline_config& pipeline,
                               const std::map<std::string, const cdc::plan*>& plans) {
    if (pipeline.sink != sink_kind::zerobus) return;
    if (!pipeline.typed && !has_entity(pipeline.table))
        return look_at_table(pipeline, pipeline.table, &pipeline.layout);
    if (plans.empty())
        for (const char* const check : {"grants", "table", "row_tracking", "zerobus_stream"})
            report_.skip(check, pipeline.table, "the schema of an object");
    for (const auto& [entity, whole] : plans) {
        const std::string table = table_of(pipeline.table, entity);
        if (!may_have_table(pipeline.table, entity, false)) continue;
        if (!pipeline.typed) {
            look_at_table(pipeline, table, &pipeline.layout);
            continue;
        }
        hidden_fields hide(pipeline.privacy, pipeline.topic);
        const auto seen = hide.any() ? hide.in(*whole) : nullptr;
        const auto [columns, bad] = row::typed_layout(seen ? seen->plan : *whole);
        look_at_table(pipeline, table, bad ? nullptr : &columns);
    }
}

void workspace_checks::look_at_table(const pipeline_config& pipeline, const std::string& table,
                                     const row::layout* wanted) {
    if (!tables_.insert(table).second) return;
    const auto skip = [&](std::initializer_list<const char*> checks, const std::string& needed) {
        for (const char* const check : checks) report_.skip(check, table, needed);
    };
    if (!token_good_) return skip({"grants", "table", "row_tracking", "zerobus_stream"}, "a token");
    if (wanted == nullptr)
        return skip({"grants", "table", "row_tracking", "zerobus_stream"}, "columns, which the schema does not give");

    const auto [description, refused] = databricks::describe_table(workspace_, table, {}, patience);
    if (refused && refused->what == refusal_class::not_found && pipeline.create) {
        report_.good("table", table, "it is missing, and the pipeline makes it");
        return skip({"grants", "row_tracking", "zerobus_stream"}, "the table");
    }
    const bool missing = refused && refused->what == refusal_class::not_found;
    bool granted = false;
    if (missing)
        report_.skip("grants", table, "the table");
    else
        granted = look_at_grants(table);
    if (refused) {
        judgement j{verdict::failed, "Unity Catalog does not describe the table (" + refused->message + ")"};
        if (missing)
            j.fix = "make it with the SQL that sfcdc tables plan prints, or set warehouse_id, so that the pipeline "
                    "makes it";
        else if (refused->what == refusal_class::no_privilege)
            j.fix = "give the service principal USE CATALOG, USE SCHEMA, and SELECT and MODIFY on the table itself";
        else
            j.fix = "try again later";
        report_.add("table", table, std::move(j));
        return skip({"row_tracking", "zerobus_stream"}, "a description of the table");
    }
    const databricks::table_fit fit = databricks::fit(*wanted, description);
    judgement columns{verdict::good, "its columns are those that the rows want"};
    judgement tracking{verdict::good, "row tracking is off"};
    for (const databricks::difference& d : fit.differences) {
        if (d.is_row_tracking) {
            tracking = {verdict::failed, d.what, d.statement};
            continue;
        }
        const bool first = columns.is == verdict::good;
        if (d.blocks)
            columns.is = verdict::failed;
        else if (first)
            columns.is = verdict::warning;
        columns.what = first ? d.what : columns.what + ", " + d.what;
        if (!d.statement.empty()) columns.fix += (columns.fix.empty() ? "" : "; ") + d.statement;
    }
    const bool fits = report_.add("table", table, std::move(columns));
    const bool untracked = report_.add("row_tracking", table, std::move(tracking));
    if (!zerobus_reached_) return skip({"zerobus_stream"}, "a way to zerobus_endpoint");
    if (!granted || !fits || !untracked)
        return skip({"zerobus_stream"}, !granted ? "grants" : "a table that the rows fit");
    look_at_stream(table, fit.rows);
}

bool workspace_checks::look_at_grants(const std::string& table) {
    const std::string catalog = table.substr(0, table.find('.')), schema = table.substr(0, table.rfind('.'));
    const std::string principal = config_.credentials.client_id.read().text;
    std::vector<securable_privileges> all;
    for (const auto& [type, name] :
         {std::pair<std::string, std::string>{"CATALOG", catalog}, {"SCHEMA", schema}, {"TABLE", table}}) {
        const auto [held, refused] =
            databricks::effective_privileges(workspace_, in_small_letters(type), name, principal, {}, patience);
        if (refused)
            return report_.add("grants", table,
                               {verdict::unknown, "Unity Catalog does not tell the privileges on " + name + " ("
                                                      + refused->message + "), so that the stream decides"});
        securable_privileges on{type, name, {}};
        for (const auto& p : held)
            on.held.push_back({p.name, p.inherited_from_type.empty()
                                           ? std::string()
                                           : in_small_letters(p.inherited_from_type) + " " + p.inherited_from_name});
        all.push_back(std::move(on));
    }
    return report_.add("grants", table, judge_grants(principal, all));
}

// Opens a stream as the sink does, and closes it when the server has created it: what no question can tell, such as the endpoint's
// workspace, the server says then. Source: Databricks' clients, which create streams without rows.
void workspace_checks::look_at_stream(const std::string& table, const row::layout& rows) {
    inbox in;
    zerobus::ingest_stream stream(
        {.table_name = table, .descriptor_proto = row::descriptor_proto(rows), .seed = std::random_device{}()});
    table_stream io(table, workspace_, in,
                    [&](const zerobus::input& input) { (void)stream.handle(input, clock::now()); });
    const auto deadline = clock::now() + stream_limit;
    judgement found{verdict::failed, "no stream was opened within " + std::to_string(stream_limit.count()) + " s",
                    "try again later; Zerobus has a status page"};
    for (bool over = false; !over && clock::now() < deadline;) {
        io.take_token();
        if (stream.was_created()) stream.close();
        while (auto action = stream.poll_action(clock::now())) io.perform(*action);
        if (stream.was_created() && stream.closed()) {
            found = {verdict::good, "a stream was opened, and closed without rows"};
            break;
        }
        while (auto news = stream.poll_event()) {
            if (const auto* const pause = std::get_if<zerobus::interrupted>(&*news)) {
                found.what = "no stream can be opened now (" + describe({pause->why, {}}) + ")";
                over = true;
            }
            const auto* const failed = std::get_if<zerobus::failed>(&*news);
            if (failed == nullptr) continue;
            over = true;
            const wire::grpc_status status = failed->why.status;
            found = judgement_of(advice({delivery_fault::stream, {failed->why, {}}, failed->what_to_do},
                                        {.topic = {},
                                         .table = table,
                                         .salesforce = {},
                                         .databricks = config_.section,
                                         .position = {},
                                         .login_refusal = {},
                                         .token_refusal = io.token_refusal(),
                                         .last_letter = {}}));
            if (failed->why.fault == call::fault::none
                && (status == wire::grpc_status::not_found || status == wire::grpc_status::unimplemented))
                found = {
                    verdict::failed,
                    "Unity Catalog has the table, and Zerobus at " + config_.zerobus_endpoint + " does not know it ("
                        + describe({failed->why, {}}) + "): the endpoint is of another workspace or region",
                    "set " + config_.section
                        + " zerobus_endpoint to the workspace's own, https://WORKSPACE_ID.zerobus.REGION and the "
                          "cloud's domain"};
        }
        if (!over) in.wait_until(std::min(stream.poll_timeout().value_or(deadline), deadline));
    }
    report_.add("zerobus_stream", table, std::move(found));
}

} // namespace sfcdc::runner::doctor
