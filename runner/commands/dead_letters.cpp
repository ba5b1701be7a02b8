#include "../disk/letters_file.hpp"
#include "../disk/lock.hpp"
#include "../names.hpp"
#include "../operations/log.hpp"
#include "../operations/termination.hpp"
#include "../operations/thread.hpp"
#include "../pipeline/letter_source.hpp"
#include "../pipeline/pipeline.hpp"
#include "chosen_pipelines.hpp"
#include "command_line.hpp"
#include "explain_text.hpp"
#include "output.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <stop_token>
#include <system_error>
#include <tuple>
#include <vector>

namespace sfcdc::runner {
namespace {

using ordered_json = nlohmann::ordered_json;

struct letters_options {
    std::filesystem::path config;
    std::string pipeline; // its topic or its label; empty: all
    std::vector<std::string> ids;
    bool as_json = false, dry_run = false, all = false;
};

std::string text_of(const ordered_json& value, int indent = -1) {
    return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}
const char* kind_of(const kept_letter& l) { return l.row_number ? "row" : "event"; }

// Whether there is a file whose letters can be read; if not, the output says why. Letters may go to a pipe or a device.
bool has_file(output& out, const pipeline_config& p) {
    std::error_code unknown;
    if (p.dead_letters.empty())
        out.write(p.label + ": its letters are counted and not kept; dead_letters in [[pipeline]] names a file\n");
    else if (std::filesystem::exists(p.dead_letters, unknown)
             && !std::filesystem::is_regular_file(p.dead_letters, unknown))
        out.write(p.label + ": its letters go to " + p.dead_letters.string()
                  + ", which is no file that can be read\n");
    else
        return true;
    return false;
}

// ---- list

struct letter_group {
    std::uint64_t letters = 0, retried = 0;
    std::int64_t first = 0, last = 0;
};

// Peers put ids and times into their words; what is counted together is without digits. Long reasons are cut.
std::string reason_class(const std::string& reason) {
    std::string out;
    for (const char c : log::one_line(reason)) {
        const bool digit = c >= '0' && c <= '9';
        if (digit && !out.empty() && out.back() == '#') continue;
        out += digit ? '#' : c;
    }
    constexpr std::size_t longest = 160;
    return out.size() > longest ? std::string(wire::utf8_prefix(out, longest)) + "..." : out;
}

ordered_json summary_of(const pipeline_config& p) {
    ordered_json out = {{"pipeline", p.label}, {"file", p.dead_letters.string()}};
    std::error_code unknown;
    if (p.dead_letters.empty()
        || (std::filesystem::exists(p.dead_letters, unknown)
            && !std::filesystem::is_regular_file(p.dead_letters, unknown)))
        return out;
    const letters_reader found = read_letters(p.dead_letters);
    std::error_code none;
    const auto size = std::filesystem::file_size(p.dead_letters, none);
    std::map<std::tuple<std::string, std::string>, letter_group> groups;
    letter_group all;
    for (const kept_letter& l : found.letters()) {
        for (letter_group* const g : {&groups[{kind_of(l), reason_class(l.reason)}], &all}) {
            g->first = g->letters == 0 ? l.received_timestamp : std::min(g->first, l.received_timestamp);
            g->last = std::max(g->last, l.received_timestamp);
            ++g->letters;
            if (l.retried) ++g->retried;
        }
    }
    out["bytes"] = none ? 0 : size;
    out["letters"] = all.letters;
    out["retried"] = all.retried;
    out["schemas"] = found.schemas().size();
    out["other_lines"] = found.foreign();
    if (all.letters > 0) out["first_received"] = time_text(all.first), out["last_received"] = time_text(all.last);
    out["reasons"] = ordered_json::array();
    for (const auto& [key, g] : groups)
        out["reasons"].push_back({{"kind", std::get<0>(key)},
                                  {"reason", std::get<1>(key)},
                                  {"letters", g.letters},
                                  {"retried", g.retried},
                                  {"first_received", time_text(g.first)},
                                  {"last_received", time_text(g.last)}});
    return out;
}

int list(const letters_options& options) {
    const config c = load_config(options.config, secrets::left_alone);
    output out;
    for (const pipeline_config& p : chosen_pipelines(c, options.pipeline)) {
        if (!options.as_json && !has_file(out, p)) continue;
        const ordered_json s = summary_of(p);
        if (options.as_json) {
            out.write(text_of(s) + "\n");
            continue;
        }
        const std::uint64_t waiting = s["letters"].get<std::uint64_t>() - s["retried"].get<std::uint64_t>();
        out.write(p.label + ": " + std::to_string(waiting) + " letters, " + text_of(s["retried"])
                  + " more were retried, in " + p.dead_letters.string() + " (" + text_of(s["bytes"]) + " bytes)\n");
        for (const ordered_json& r : s["reasons"])
            out.write("  " + std::to_string(r["letters"].get<std::uint64_t>() - r["retried"].get<std::uint64_t>())
                      + " of " + text_of(r["letters"]) + " " + r["kind"].get<std::string>() + "s, "
                      + r["first_received"].get<std::string>() + " to " + r["last_received"].get<std::string>() + ": "
                      + r["reason"].get<std::string>() + "\n");
        if (s["other_lines"] != 0)
            out.write("  " + text_of(s["other_lines"]) + " lines are none that sfcdc understands\n");
    }
    out.flush();
    return 0;
}

// ---- show

// Orgs of the configuration, made when a schema is not in the letters.
class letter_orgs {
  public:
    explicit letter_orgs(const config& c) : config_(c) {}
    salesforce::org& of(const pipeline_config& p) {
        auto& org = orgs_[p.salesforce];
        if (!org) org = std::make_unique<salesforce::org>(config_.salesforce.at(p.salesforce));
        return *org;
    }

  private:
    const config& config_;
    std::map<std::string, std::unique_ptr<salesforce::org>> orgs_;
};

// A replay id in either form, or an event's id.
bool is_asked_for(const kept_letter& l, const std::vector<std::string>& ids) {
    const auto [replay_id, bad] = pubsub::replay_id::from_hex(l.replay_id);
    return ids.empty() || std::ranges::any_of(ids, [&](const std::string& id) {
               return id == l.replay_id || id == l.event_id || (!bad && id == replay_id.base64());
           });
}

void append_event(std::string& out, const pipeline_config& p, const letters_reader& letters, const kept_letter& l,
                  letter_orgs& all) {
    const auto content = content_of(p.dead_letters, l);
    if (!content) return void(out += "its payload was withheld, because the pipeline hides fields\n");
    const std::span<const std::byte> payload = wire::as_bytes(content->bytes);
    try {
        const auto schema = schema_of_letter(letters, l.schema_id, all.of(p), {});
        const auto replay_id = pubsub::replay_id::from_hex(l.replay_id).value;
        out += explain(schema->plan, payload, event_of(l, replay_id), row::layout::sfcdc()).text;
    } catch (const salesforce::no_schema& none) {
        out += none.reason + "\nbytes\n" + hex_dump(payload, 0, std::min<std::size_t>(payload.size(), 4096));
    }
}

void append_row(std::string& out, const pipeline_config& p, const kept_letter& l) {
    const auto content = content_of(p.dead_letters, l);
    if (!content) return void(out += "its row is damaged\n");
    if (!content->columns.is_object())
        return void(
            out += "an earlier version wrote the row without the names of its columns: "
                   + std::to_string(content->bytes.size()) + " bytes of protobuf\n"
                   + hex_dump(wire::as_bytes(content->bytes), 0, std::min<std::size_t>(content->bytes.size(), 4096)));
    out += "columns\n";
    for (const auto& column : content->columns.items())
        out += (column.key() == l.column ? "> " : "  ") + log::one_line(column.key()) + ": " + text_of(column.value())
               + "\n";
}

int show(const letters_options& options) {
    const config c = load_config(options.config);
    output out;
    letter_orgs all(c);
    bool any = false;
    for (const pipeline_config& p : chosen_pipelines(c, options.pipeline)) {
        if (!has_file(out, p)) continue;
        const letters_reader letters = read_letters(p.dead_letters);
        for (const kept_letter& l : letters.letters()) {
            if (!is_asked_for(l, options.ids) || (options.ids.empty() && l.retried && !options.all)) continue;
            std::string text = any ? "\n" : "";
            any = true;
            text +=
                std::string(l.row_number ? "refused row " + std::to_string(*l.row_number) + " of event " : "event ")
                + log::one_line(l.event_id) + " with replay id " + log::one_line(l.replay_id)
                + (l.retried ? " (retried)" : "") + "\n  pipeline " + p.label + "\n  received "
                + time_text(l.received_timestamp) + "\n  schema   " + log::one_line(l.schema_id) + "\n  reason   "
                + log::one_line(l.reason) + "\n";
            if (!l.table.empty()) text += "  table    " + log::one_line(l.table) + "\n";
            if (!l.column.empty()) text += "  column   " + log::one_line(l.column) + "\n";
            text += "\n";
            l.row_number ? append_row(text, p, l) : append_event(text, p, letters, l, all);
            out.write(text);
        }
    }
    if (!any && !options.ids.empty())
        throw failure(exit_code::failed,
                      "There is no such letter; \"sfcdc dead-letters list\" counts those there are.");
    out.flush();
    return 0;
}

// ---- retry

// Prints which letters a retry would deliver. Whether an event can be decoded is found out; whether the sink takes its rows is not.
bool try_dry(output& out, const pipeline_config& p, const letters_reader& letters, letter_orgs& all) {
    bool well = true;
    cdc::decoder decoder;
    hidden_fields hidden(p.privacy, p.topic);
    for (const kept_letter& l : letters.letters()) {
        if (l.retried) continue;
        const auto say = [&](const std::string& what) {
            out.write(p.label + ": " + log::one_line(l.replay_id) + ": " + log::one_line(what) + "\n");
        };
        if (const auto why = reason_to_keep(l, p)) {
            say("stays, since " + *why);
            well = false;
            continue;
        }
        try {
            const auto schema = schema_of_letter(letters, l.schema_id, all.of(p), {});
            if (l.row_number) {
                say("its row would be sent to " + (l.table.empty() ? p.table : l.table));
                continue;
            }
            const auto content = content_of(p.dead_letters, l);
            const auto [event, bad] = decoder.decode(schema->plan, content ? std::string_view(content->bytes) : "");
            if (!bad) {
                say("its event can be decoded now, and would be delivered");
                continue;
            }
            say("it still cannot be decoded: byte " + std::to_string(bad.offset) + ": " + bad.message());
        } catch (const salesforce::no_schema& none) {
            say("it still cannot be decoded: " + none.reason);
        }
        well = false;
    }
    return well;
}

// Whether nothing is left that could not be delivered.
bool try_again(output& out, const config& c, const pipeline_config& p, letter_orgs& all, termination& asked) {
    const auto say = [&](const std::string& line) { out.write(p.label + ": " + log::one_line(line) + "\n"); };
    if (!has_file(out, p)) return true;
    if (std::error_code unknown; !std::filesystem::exists(p.dead_letters, unknown)) {
        say("there are no letters");
        return true;
    }
    std::unique_ptr<state_lock> lock; // not beside a daemon that runs
    if (!p.state().empty()) {
        prove_state(p.state());
        lock = std::make_unique<state_lock>(whole_path(p.state()));
    }
    dead_letters file(p.dead_letters, p.topic, p.privacy.hides_something());
    file.open();
    const letters_reader letters = read_letters(p.dead_letters);
    std::uint64_t staying = 0;
    for (const kept_letter& l : letters.letters()) {
        if (l.retried) continue;
        const auto why = reason_to_keep(l, p);
        if (!why) continue;
        ++staying;
        say(l.replay_id + ": stays, since " + *why);
    }

    letter_source source(p, all.of(p), letters, file, say);
    if (source.events() > 0) {
        std::unique_ptr<databricks::workspace> workspace;
        if (p.sink == sink_kind::zerobus)
            workspace = std::make_unique<databricks::workspace>(c.databricks.at(p.databricks));
        pipeline_config as_topic = p;
        as_topic.managed_subscription.clear();
        as_topic.on_undecodable = undecodable_policy::dead_letter;
        pipeline_counts counts;
        std::stop_source stop;
        std::exception_ptr end;
        std::atomic<bool> done = false;
        {
            const std::jthread thread = start_thread([&] {
                try {
                    pipeline run(as_topic, all.of(p), workspace.get(), c.memory_limit, {}, counts, {}, &source);
                    run.prove();
                    run.run(stop.get_token());
                } catch (...) {
                    end = std::current_exception();
                }
                done = true;
            });
            while (!done && !asked.wait(std::chrono::milliseconds(20))) {
            }
            stop.request_stop();
        }
        if (end) {
            say(std::to_string(source.delivered()) + " letters were delivered before it ended");
            out.flush();
            std::rethrow_exception(end);
        }
    }
    say(std::to_string(source.delivered()) + " letters were delivered, " + std::to_string(source.failed_again())
        + " failed again, " + std::to_string(staying) + " stay");
    const std::uint64_t tried = source.delivered() + source.failed_again();
    return staying == 0 && source.failed_again() == 0 && tried == source.events();
}

int retry(const letters_options& options) {
    const config c = load_config(options.config);
    const auto pipelines = chosen_pipelines(c, options.pipeline);
    output out;
    letter_orgs all(c);
    bool well = true;
    if (options.dry_run) {
        for (const pipeline_config& p : pipelines)
            if (has_file(out, p)) well = try_dry(out, p, read_letters(p.dead_letters), all) && well;
    } else {
        termination asked;
        for (const pipeline_config& p : pipelines) well = try_again(out, c, p, all, asked) && well;
    }
    out.flush();
    return static_cast<int>(well ? exit_code::ok : exit_code::failed);
}

} // namespace

void add_dead_letters(command_line& to) {
    CLI::App* const command =
        to.app.add_subcommand("dead-letters", "Look at what could not be delivered, and deliver it again");
    command->require_subcommand(1);
    const auto options = std::make_shared<letters_options>();
    const auto add = [&](const char* name, const char* help, int (*perform)(const letters_options&)) {
        CLI::App* const action = command->add_subcommand(name, help);
        action->add_option("--config", options->config, "The configuration (TOML)")->required();
        action->add_option("--pipeline", options->pipeline, "One pipeline, by its topic or as the log calls it");
        action->callback([&to, options, perform] {
            to.log_level = "warn";
            to.chosen = [options, perform] { return perform(*options); };
        });
        return action;
    };
    CLI::App* const listing = add("list", "Count the letters of each pipeline by kind and reason", list);
    listing->add_flag("--json", options->as_json, "One JSON object for each pipeline, a line each");
    CLI::App* const showing = add("show", "Print letters with what can be decoded of them", show);
    showing->add_option("ID", options->ids, "Replay ids or event ids; without one all that were not retried");
    showing->add_flag("--all", options->all, "Without an ID: those that were retried, too");
    CLI::App* const trying =
        add("retry", "Deliver letters again; what succeeds is marked in the file. The daemon must not run", retry);
    trying->add_flag("--dry-run", options->dry_run, "Only say what would be tried");
}

} // namespace sfcdc::runner
