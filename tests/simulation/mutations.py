#!/usr/bin/env python3
"""Mistakes that the simulation must see: each is one line of the library changed, compiled, and run.

A change is an overlay: a folder with the changed header alone, in front of include/. The test of a mistake fails when the
line is not there any more, when it does not compile, and when no invariant is violated within SEEDS seeds.

usage: mutations.py SOURCE_ROOT BUILD_FOLDER COMPILER...      all, two at a time
       mutations.py ... -- -k NAME                            what unittest takes
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import unittest

SEEDS = 1000
AT_A_TIME = 2

CHECKPOINT = "checkpoint.hpp"
DELIVERY = "delivery.hpp"
OUTLET = "delivery/outlet.hpp"
OUTLETS = "delivery/outlets.hpp"
HELD = "delivery/held_events.hpp"
SCHEMAS = "delivery/schema_requests.hpp"
LEDGER = "delivery/position_ledger.hpp"
PATIENCE = "call/patience.hpp"
SUBSCRIPTION = "pubsub/subscription.hpp"
OPTIONS = "pubsub/subscription_options.hpp"
CALL_END = "pubsub/call_end.hpp"
CREDITS = "pubsub/credits.hpp"
STREAM = "zerobus/ingest_stream.hpp"
CALLS = "zerobus/ingest_calls.hpp"
QUEUE = "zerobus/request_queue.hpp"
MESSAGES = "zerobus/messages.hpp"

# name: (header, the line or a part of it, what it becomes, the mistake)
MUTATIONS = {
    # checkpoint
    "moves_on_any_ack": (CHECKPOINT, "if (!is_durable(rows_.front())) return {};", "if (false) return {};",
        "any acknowledgement moves the position, whatever it is for"),
    "off_by_one": (CHECKPOINT, "return streams_[row.stream].durable >= row.offset;", "return streams_[row.stream].durable + 1 >= row.offset;",
        "a row counts as durable when the one in front of it is"),
    "keepalive_overtakes": (CHECKPOINT, "keepalive(const pubsub::replay_id& id) { join_last(id, 0); }", "keepalive(const pubsub::replay_id& id) { reach(id, 0); }",
        "a keepalive's position passes events that are under way"),
    "one_stream_for_another": (CHECKPOINT, "return awaited.stream == row.stream && awaited.offset >= row.offset;", "return awaited.offset >= row.offset;",
        "an event joins the one in front of it although its row is on another stream"),
    "never_released": (CHECKPOINT, "passed_ += events;", "",
        "no credits go back to Salesforce"),
    # delivery
    "passes_a_row_early": (OUTLETS, "last_rows.push_back({o.number, (o.told = o.rows) - 1});", "o.told = o.rows;",
        "an event is passed without its rows being awaited"),
    "asks_twice_for_a_schema": (SCHEMAS, "s.state = schema_state::asked;", "",
        "a schema is asked for again while the answer is awaited"),
    "decodes_without_a_schema": (DELIVERY, "s.state == detail::schema_state::known) {", "s.state != detail::schema_state::refused) {",
        "an event is handed over before its schema is there"),
    "keeps_credits": (DELIVERY, "(void)subscription_.release(passed);", "",
        "no credits go back to Salesforce"),
    "credits_whatever_is_held": (HELD, "const std::size_t events = left / event_bytes_.value_or(limits::event_bytes);", "const std::size_t events = 100 + 0 * left;",
        "events are asked for without a look at the bytes that are held"),
    "drops_batches": (OUTLET, "if (stream->add(std::move(waiting.front())).error) break;", "(void)stream->add(std::move(waiting.front()));",
        "what does not fit into a stream is forgotten"),
    "rows_into_one_table": (OUTLETS, "outlet& o = all_[to];", "outlet& o = all_[0 * to];",
        "all rows go to the first outlet"),
    "origins_left_behind": (OUTLETS, "for (std::int64_t i = n.rows.begin; i < n.rows.end; ++i) o.origins.pop_front();", "",
        "a dead letter names the event of another row"),
    "keepalive_overtakes_events": (DELIVERY, "held_.push_keepalive(std::move(k->position));", "ledger_.keepalive(k->position);",
        "a keepalive's position passes events that wait for their schema"),
    "never_settles": (LEDGER, "(void)checkpoint_.durable(c.number, std::min(rows, c.told) - 1);", "",
        "what is durable does not move the position"),
    "no_choice": (DELIVERY, "(void)subscription_.choose(*options_.on_unknown_position);", "",
        "an unknown position is never replaced"),
    "one_bad_event_is_all": (DELIVERY, "undecodable_.in_doubt > options_.undecodable_in_a_row", "undecodable_.in_doubt > 0",
        "the first event that cannot be decoded ends the delivery"),
    "schemas_hammered": (SCHEMAS, "now + wait_.next()", "now + 0 * wait_.next()",
        "no waits between attempts to get a schema"),
    "event_twice": (DELIVERY, "held_.pop();", "if (ledger_.checkpoint().waiting() % 97 != 96) held_.pop();",
        "an event is handed over a second time"),
    "never_commits": (DELIVERY, "if (due != nullptr && subscription_.commit(*due) == errc::none) ledger_.stored();", "if (due != nullptr) ledger_.stored();",
        "Salesforce is not told the position of a managed subscription"),
    "fails_and_goes_on": (DELIVERY, "held_.clear();\n        close(now);", "",
        "a delivery that has failed still takes events"),
    # patience
    "never_waits": (PATIENCE, "return next_ = {what, now + wait.next()};", "return next_ = {what, now + 0 * wait.next()};",
        "no waits between attempts of any kind"),
    "never_forgives": (PATIENCE, "attempts_ = faulty_calls_ = renewals_ = refusals_ = 0;", "",
        "health does not give budgets back"),
    "outages_end_runs": (PATIENCE, "unsigned attempts = unlimited;", "unsigned attempts = 12;",
        "a service that is away for long is given up"),
    "no_answer_is_a_refusal": (PATIENCE, "case token_answer::unavailable: return attempt(remedy::renew_token, wait_, now);",
        "case token_answer::unavailable: return refused(remedy::renew_token, false, now);",
        "a token service that cannot be asked counts as one that refuses"),
    # subscription
    "jumps_to_latest": (SUBSCRIPTION, "request.preset = options_.preset;", "request.preset = replay_preset::latest;",
        "a new call starts from latest"),
    "topic_position": (SUBSCRIPTION, "move_to(message.last_replay_id);", "move_to(message.latest_replay_id);",
        "the topic's newest position is taken for that of the last event"),
    "keepalive_without_credits": (SUBSCRIPTION, "if (message.pending_num_requested > 0 && credits_.outstanding() > 0) {", "{",
        "a keepalive's position counts although there may be events in front of it"),
    "too_many_credits": (CREDITS, "return std::min(free, limit() - std::min(limit(), outstanding_));", "return std::min(free, limit());",
        "credits are asked for on top of those outstanding"),
    "credits_of_a_lost_call": (CREDITS, "void forget_call() noexcept { outstanding_ = 0; }", "void forget_call() noexcept {}",
        "credits of a lost call count on the next one"),
    "no_watchdog": (SUBSCRIPTION, "now >= silent_at()) {", "false) {",
        "a dead line is never noticed"),
    "starves": (OPTIONS, "milliseconds no_credit_limit{45'000};", "milliseconds no_credit_limit{75'000};",
        "with a slow sink, Salesforce ends the call for want of credits"),
    "same_token_again": (CALL_END, '{"service.auth.error", remedy::renew_token}', '{"service.auth.error", remedy::retry}',
        "an expired token is used again and again"),
    "gives_up": (CALL_END, "default: return remedy::retry;", "default: return remedy::stop;",
        "a call that breaks ends the subscription for good"),
    "hammers": (SUBSCRIPTION, "until_ = next.at;", "until_ = time_point::min();",
        "no waits between attempts"),
    "hears_old_calls": (SUBSCRIPTION, "if (in.call != call_ || !has_call()) return errc::none;", "if (!has_call()) return errc::none;",
        "what comes late from an earlier call counts on this one"),
    "waits_for_ever_to_open": (SUBSCRIPTION, "if (state_ == subscription_state::opening && now >= until_) {", "if (false) {",
        "a call that is never answered is waited for without end"),
    "never_healthy": (SUBSCRIPTION, "if (events != 0 || now >= opened_at_ + options_.settled_after) patience_.healthy();", "",
        "health does not give budgets back"),
    "commits_first": (SUBSCRIPTION, "return commits_.waits() && requested_;", "return commits_.waits();",
        "the first request of a managed call commits"),
    # ingest_stream
    "unbounded": (STREAM, "held_bytes() + records.message().size() <= options_.bytes", "true",
        "bytes are taken without a limit"),
    "no_narrowing": (QUEUE, "return suspects_ == 0 ? size() : std::min(size(), (suspects_ + 1) / 2);", "return size();",
        "after a refusal as much is sent as before"),
    "acks_one_more": (STREAM, "acknowledge(c, up_to + 1, now);", "acknowledge(c, std::min(up_to + 2, c.sent), now);",
        "an acknowledgement counts for the request behind it, too"),
    "late_acks_lost": (CALLS, "return old_ && old_.id == id ? &old_ : nullptr;", "return nullptr;",
        "what an old call acknowledges while it drains is ignored"),
    "first_is_the_bad_one": (QUEUE, "if (in_flight > 1) return false;", "",
        "of several requests that may hold the bad row, the first is taken for it"),
    "halves_out_of_order": (QUEUE, "requests_.push_front(std::move(first));", "requests_.push_back(std::move(first));",
        "half of a refused request is sent behind all others"),
    "budgets_never_refill": (STREAM, "patience_.healthy();", "",
        "a stream that is well gives up after the fourth token"),
    "offset_0_left_out": (MESSAGES, "w.varint(1, offset);", "if (offset != 0) w.varint(1, offset);",
        "offset 0 is not on the wire, as proto3 would have it"),
    "one_type_for_all_rows": (STREAM, "return calls_.current().phase == phase::streaming && !calls_.any_in_flight() && !requests_.empty()", "return false",
        "no other call is opened for rows of another message type"),
    "rows_of_any_type": (STREAM, "current.in_flight() < requests_.window() && takes(requests_[current.in_flight()]);", "current.in_flight() < requests_.window();",
        "rows go out on a call of another message type"),
    "first_type_always": (STREAM, "text_of(c.descriptor), options_.record_type", "options_.descriptor_proto, options_.record_type",
        "each call is opened with the message type of the first one"),
    "halves_without_a_type": (QUEUE, "second.records.describe(whole.records.descriptor());", "",
        "half of a refused request forgets of which message type its rows are"),
    "types_in_one_batch": (OUTLET, "|| waiting.back().descriptor() != descriptor)", ")",
        "a request has rows of two message types"),
    "no_ack_deadline": (STREAM, "return awaits_ack ? std::min(c.deadline, requests_.front().sent + options_.ack_limit) : c.deadline;", "return (void)awaits_ack, c.deadline;",
        "a server that acknowledges nothing is waited for without end"),
    "wire_offsets_go_on": (STREAM, "append_request(current.sent++, options_.record_type", "append_request(requests_.begin_offset() + current.sent++, options_.record_type",
        "wire offsets do not start at 0 on each call"),
    "no_new_token": (STREAM, "calls_.ask(renew_token{calls_.last()});", "",
        "a refused token is not renewed"),
    "wrong_row_rejected": (STREAM, "const std::int64_t offset = requests_.begin_offset();", "const std::int64_t offset = requests_.begin_offset() + 1;",
        "a bad row is reported with its neighbour's offset"),
    "closes_over_rows": (STREAM, "const bool done = stopped_ || (closing_ && requests_.empty() && !calls_.any());", "const bool done = stopped_ || closing_;",
        "close() forgets what is under way"),
    "stream_hammers": (STREAM, "open_at_ = next.at;", "open_at_ = time_point::min();",
        "no waits between attempts"),
}


def build_and_run(name):
    """None when the simulation saw it, else what is wrong."""
    header, old, new, meaning = MUTATIONS[name]
    text = (ROOT / "include/sfcdc" / header).read_text(encoding="utf-8")
    # By its tokens: white space may change.
    places = list(re.finditer(r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", old))), text))
    if len(places) != 1:
        return f"{header} has the line {len(places)} times: {old}"
    text_with_mistake = text[: places[0].start()] + new + text[places[0].end() :]
    folder = BUILD / name
    changed = folder / "sfcdc" / header
    changed.parent.mkdir(parents=True, exist_ok=True)
    if not changed.exists() or changed.read_text(encoding="utf-8") != text_with_mistake:
        changed.write_text(text_with_mistake, encoding="utf-8")
    program = folder / "simulate"
    compiled = subprocess.run([*COMPILER, "-std=c++20", "-O1", f"-I{folder}", f"-I{ROOT}/include", str(ROOT / "tests/simulation/simulate.cpp"),
                               "-o", str(program)], capture_output=True, text=True)
    if compiled.returncode != 0:
        return "does not compile: " + compiled.stderr[:2000]
    try:
        ran = subprocess.run([str(program), "--seeds", str(SEEDS)], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "neither a violation nor an end"
    violation = re.search(r"^seed (\d+): (.*)$", ran.stdout, re.M)
    if ran.returncode != 1 or not violation:
        return f"not seen in {SEEDS} seeds: {meaning} (exit code {ran.returncode})"
    print(f"{name}: {meaning}\n    seen at seed {violation[1]}: {violation[2]}", file=sys.stderr)
    return None


class Mutations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = concurrent.futures.ThreadPoolExecutor(AT_A_TIME)
        cls.results = {name: cls.pool.submit(build_and_run, name) for name in MUTATIONS if cls.wanted(name)}

    @staticmethod
    def wanted(name):
        return not WANTED or any(word in name for word in WANTED)


# SFCDC_MUTANTS=2/3: the second of three parts, for a run that has no time for all of them.
PART, PARTS = map(int, os.environ.get("SFCDC_MUTANTS", "1/1").split("/"))
MUTATIONS = {name: MUTATIONS[name] for i, name in enumerate(MUTATIONS) if i % PARTS == PART - 1}
assert MUTATIONS, "SFCDC_MUTANTS names no part"

for mutation in MUTATIONS:
    def check(self, mutation=mutation):
        self.assertIsNone(self.results[mutation].result())
    check.__doc__ = MUTATIONS[mutation][3]
    setattr(Mutations, "test_" + mutation, check)


if __name__ == "__main__":
    arguments, of_unittest = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, of_unittest = arguments[:at], arguments[at + 1:]
    if len(arguments) < 3:
        sys.exit(__doc__)
    ROOT, BUILD, COMPILER = pathlib.Path(arguments[0]), pathlib.Path(arguments[1]), arguments[2:]
    WANTED = of_unittest[1::2] if "-k" in of_unittest else []  # what is not asked for is not built
    unittest.main(argv=[sys.argv[0], *of_unittest])
