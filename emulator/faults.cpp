#include "faults.hpp"

#include "sql_error.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace emulator {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

template<typename item> std::optional<item> take_front(std::mutex& mutex, std::deque<item>& queue) {
    std::lock_guard lock(mutex);
    if (queue.empty()) return std::nullopt;
    item taken = std::move(queue.front());
    queue.pop_front();
    return taken;
}

std::size_t times(const json& command) { return command.value("times", std::size_t{1}); }

std::chrono::milliseconds milliseconds_of(const json& command) {
    if (!command.contains("ms")) throw std::invalid_argument("This op needs \"ms\".");
    return std::chrono::milliseconds(command.at("ms").get<std::int64_t>());
}

faults::http_fault http_fault_of(const json& command) {
    faults::http_fault fault{command.at("status").get<int>(), std::nullopt};
    if (command.contains("retry_after_s")) fault.retry_after_s = command.at("retry_after_s").get<int>();
    return fault;
}

grpc::StatusCode status_code_named(const std::string& name) {
    static const std::map<std::string, grpc::StatusCode> names{{"OK", grpc::OK},
                                                               {"CANCELLED", grpc::CANCELLED},
                                                               {"UNKNOWN", grpc::UNKNOWN},
                                                               {"INVALID_ARGUMENT", grpc::INVALID_ARGUMENT},
                                                               {"DEADLINE_EXCEEDED", grpc::DEADLINE_EXCEEDED},
                                                               {"NOT_FOUND", grpc::NOT_FOUND},
                                                               {"ALREADY_EXISTS", grpc::ALREADY_EXISTS},
                                                               {"PERMISSION_DENIED", grpc::PERMISSION_DENIED},
                                                               {"UNAUTHENTICATED", grpc::UNAUTHENTICATED},
                                                               {"RESOURCE_EXHAUSTED", grpc::RESOURCE_EXHAUSTED},
                                                               {"FAILED_PRECONDITION", grpc::FAILED_PRECONDITION},
                                                               {"ABORTED", grpc::ABORTED},
                                                               {"OUT_OF_RANGE", grpc::OUT_OF_RANGE},
                                                               {"UNIMPLEMENTED", grpc::UNIMPLEMENTED},
                                                               {"INTERNAL", grpc::INTERNAL},
                                                               {"UNAVAILABLE", grpc::UNAVAILABLE},
                                                               {"DATA_LOSS", grpc::DATA_LOSS}};
    const auto found = names.find(name);
    if (found == names.end()) throw std::invalid_argument("There is no gRPC status called \"" + name + "\".");
    return found->second;
}

} // namespace

std::optional<grpc::StatusCode> status_of_pubsub_error(const std::string& code) {
    static const std::map<std::string, grpc::StatusCode> codes{
        {"service.unavailable", grpc::INTERNAL}, // not UNAVAILABLE, as one would think
        {"service.auth.error", grpc::UNAUTHENTICATED},
        {"service.auth.headers.invalid", grpc::UNAUTHENTICATED},
        {"service.auth.refresh.invalid", grpc::UNAUTHENTICATED},
        {"service.protection.stream.limit.triggered", grpc::RESOURCE_EXHAUSTED},
        {"service.protection.triggered", grpc::RESOURCE_EXHAUSTED},
        {"service.tenant.license", grpc::PERMISSION_DENIED},
        {"concurrent.client.limit.exceeded", grpc::RESOURCE_EXHAUSTED},
        {"topic.not.found", grpc::PERMISSION_DENIED},
        {"topic.meta.permission", grpc::PERMISSION_DENIED},
        {"topic.validation.empty", grpc::INVALID_ARGUMENT},
        {"topic.api.unavailable", grpc::UNAVAILABLE},
        {"schema.api.unavailable", grpc::UNAVAILABLE},
        {"schema.meta.permission", grpc::PERMISSION_DENIED},
        {"schema.validation.failed", grpc::INVALID_ARGUMENT},
        {"subscription.fetch.replayid.corrupted", grpc::INVALID_ARGUMENT},
        {"subscription.fetch.replayid.validation.failed", grpc::INVALID_ARGUMENT},
        {"subscription.fetch.replay.repeated", grpc::INTERNAL},
        {"subscription.limit.exceeded", grpc::RESOURCE_EXHAUSTED},
        {"subscription.fetch.overflow", grpc::INVALID_ARGUMENT},
        {"subscription.fetch.requested.events.invalid", grpc::INVALID_ARGUMENT},
        {"subscription.fetch.topic.mismatch", grpc::INVALID_ARGUMENT},
        {"subscription.fetch.request.invalid", grpc::INVALID_ARGUMENT},
        {"subscription.topic.cannot.subscribe", grpc::PERMISSION_DENIED},
        {"subscription.internal.error", grpc::INTERNAL},
        // ALREADY_EXISTS was seen in a live org; the documentation has no status for any of these.
        {"managed.subscription.already.active", grpc::ALREADY_EXISTS},
        {"managed.subscription.config.stopped", grpc::FAILED_PRECONDITION},
        {"managed.subscription.config.deleted", grpc::FAILED_PRECONDITION},
        {"managed.subscription.developer.name.not.found", grpc::NOT_FOUND},
        {"managed.subscription.subscription.id.not.found", grpc::NOT_FOUND},
        {"managed.subscription.subscription.id.invalid", grpc::INVALID_ARGUMENT},
        {"managed.subscription.id.or.developer.name.empty", grpc::INVALID_ARGUMENT},
        {"managed.subscription.fetch.request.events.invalid", grpc::INVALID_ARGUMENT},
        {"managed.subscription.fetch.request.invalid", grpc::INVALID_ARGUMENT},
        {"managed.subscription.commit.request.restricted", grpc::INVALID_ARGUMENT},
        {"managed.subscription.auth.request.restricted", grpc::INVALID_ARGUMENT},
        {"publish.stream.sweeper.timeout", grpc::DEADLINE_EXCEEDED},
        {"publish.event.count.invalid", grpc::INVALID_ARGUMENT},
        {"publish.topic.mismatch", grpc::INVALID_ARGUMENT},
        {"publish.topic.validation.empty", grpc::INVALID_ARGUMENT},
    };
    const auto found = codes.find(code);
    return found == codes.end() ? std::nullopt : std::optional(found->second);
}

void faults::apply(const json& command) {
    if (!command.is_object() || !command.contains("op"))
        throw std::invalid_argument("A fault is an object with \"op\".");
    const auto op = command.at("op").get<std::string>();
    const auto now = steady_clock::now();
    {
        std::lock_guard lock(mutex_);
        if (op == "subscribe_error") {
            const auto code = command.at("code").get<std::string>();
            if (!status_of_pubsub_error(code))
                throw std::invalid_argument("There is no error code \"" + code + "\".");
            std::size_t left = times(command);
            if (left > 0 && subscribers_.count() > 0) {
                interruption_ = {interruption_.count + 1, code};
                --left;
            }
            open_errors_.insert(open_errors_.end(), left, code);
        } else if (op == "forbid_schema") {
            forbidden_schemas_.push_back(command.at("record").get<std::string>());
        } else if (op == "drop_subscribers") {
            interruption_ = {interruption_.count + 1, {}};
        } else if (op == "silence_subscribe") {
            silent_until_ = now + milliseconds_of(command);
        } else if (op == "rotate_streams") {
            rotation_ = {rotation_.count + 1, std::nullopt};
            if (command.contains("duration_ms") && !command.at("duration_ms").is_null())
                rotation_.duration = std::chrono::milliseconds(command.at("duration_ms").get<std::int64_t>());
        } else if (op == "zerobus_error") {
            const auto code = status_code_named(command.at("code").get<std::string>());
            const auto when = command.at("when").get<std::string>();
            if (when != "create" && when != "stream")
                throw std::invalid_argument("\"when\" is \"create\" or \"stream\".");
            auto& queue = when == "create" ? create_errors_ : stream_errors_;
            queue.insert(queue.end(), times(command), code);
        } else if (op == "hold_acks") {
            acks_held_until_ = now + milliseconds_of(command);
        } else if (op == "late_ack_after_half_close") {
            acks_after_half_close_ = true;
        } else if (op == "poison") {
            const json& value = command.at("value");
            poisons_.push_back({command.at("column").get<std::string>(),
                                value.is_string() ? value.get<std::string>() : value.dump()});
        } else if (op == "token_status") {
            const auto of = command.at("side").get<std::string>();
            if (of != "salesforce" && of != "databricks")
                throw std::invalid_argument("\"side\" is \"salesforce\" or \"databricks\".");
            const http_fault fault = http_fault_of(command);
            auto& queue = token_faults_[of == "salesforce" ? 0 : 1];
            queue.insert(queue.end(), times(command), fault);
        } else if (op == "login_error") {
            login_faults_.insert(login_faults_.end(), times(command),
                                 {command.at("error").get<std::string>(), command.value("description", "")});
        } else if (op == "warehouse_asleep") {
            asleep_ =
                command.value("ms", json()).is_null() ? std::chrono::milliseconds::max() : milliseconds_of(command);
        } else if (op == "slow_statements") {
            statement_time_ = milliseconds_of(command);
        } else if (op == "sql_error") {
            const auto condition = command.at("condition").get<std::string>();
            if (!sql_state_of(condition))
                throw std::invalid_argument("There is no error class \"" + condition + "\".");
            const json verb = command.value("verb", json());
            sql_faults_.insert(sql_faults_.end(), times(command),
                               {condition, verb.is_null() ? std::string() : verb.get<std::string>()});
        } else if (op == "forbid_alter") {
            alter_forbidden_ = command.value("on", true);
        } else if (op == "column_delay") {
            column_delay_ = milliseconds_of(command);
        } else if (op == "rest_status") {
            rest_faults_.insert(rest_faults_.end(), times(command), http_fault_of(command));
        } else if (op == "quoted_expires_in") {
            expires_in_quoted_ = command.value("on", true);
        } else if (op == "restrict_ip") {
            ip_restricted_ = command.value("on", true);
        } else if (op == "clock_skew") {
            clock_skew_ = std::chrono::seconds(command.at("s").get<std::int64_t>());
        } else if (op == "org_limit") {
            limits_left_[command.at("name").get<std::string>()] = command.at("remaining").get<std::int64_t>();
        } else if (op == "deselect") {
            deselected_.insert(command.at("entity").get<std::string>());
        } else if (op == "forbid_topic") {
            const auto code = command.at("code").get<std::string>();
            if (!status_of_pubsub_error(code))
                throw std::invalid_argument("There is no error code \"" + code + "\".");
            topic_codes_[command.at("topic").get<std::string>()] = code;
        } else if (op == "hide_field") {
            hidden_fields_.emplace(command.at("object").get<std::string>(), command.at("field").get<std::string>());
        } else if (op == "grant") {
            const auto how = command.at("how").get<std::string>();
            if (how != "missing" && how != "inherited")
                throw std::invalid_argument("\"how\" is \"missing\" or \"inherited\".");
            grants_[command.at("privilege").get<std::string>()] =
                how == "missing" ? grant_state::missing : grant_state::inherited;
        } else if (op == "undecodable") {
            undecodable_ += times(command);
        } else if (op == "clear") {
            open_errors_.clear();
            forbidden_schemas_.clear();
            silent_until_ = acks_held_until_ = {};
            create_errors_.clear();
            stream_errors_.clear();
            acks_after_half_close_ = expires_in_quoted_ = alter_forbidden_ = false;
            poisons_.clear();
            for (auto& queue : token_faults_) queue.clear();
            login_faults_.clear();
            asleep_.reset();
            warehouse_up_at_ = {};
            statement_time_ = column_delay_ = {};
            sql_faults_.clear();
            rest_faults_.clear();
            undecodable_ = 0;
            ip_restricted_ = false;
            clock_skew_ = {};
            limits_left_.clear();
            deselected_.clear();
            topic_codes_.clear();
            hidden_fields_.clear();
            grants_.clear();
        } else {
            throw std::invalid_argument("There is no fault called \"" + op + "\".");
        }
    }
    subscribers_.ring();
    ingest_streams_.ring();
}

std::optional<std::string> faults::take_open_error() { return take_front(mutex_, open_errors_); }

faults::interruption faults::subscribe_interruption() const {
    std::lock_guard lock(mutex_);
    return interruption_;
}

void faults::interrupt_subscribers(const std::string& code) {
    {
        std::lock_guard lock(mutex_);
        interruption_ = {interruption_.count + 1, code};
    }
    subscribers_.ring();
}

bool faults::schema_forbidden(const std::string& schema_json) const {
    std::lock_guard lock(mutex_);
    if (forbidden_schemas_.empty()) return false;
    const std::string name = json::parse(schema_json).value("name", "");
    return std::find(forbidden_schemas_.begin(), forbidden_schemas_.end(), name) != forbidden_schemas_.end();
}

bool faults::silent() const {
    std::lock_guard lock(mutex_);
    return steady_clock::now() < silent_until_;
}

faults::rotation faults::last_rotation() const {
    std::lock_guard lock(mutex_);
    return rotation_;
}

std::optional<grpc::StatusCode> faults::take_create_error() { return take_front(mutex_, create_errors_); }
std::optional<grpc::StatusCode> faults::take_stream_error() { return take_front(mutex_, stream_errors_); }

bool faults::acks_held() const {
    std::lock_guard lock(mutex_);
    return steady_clock::now() < acks_held_until_;
}

bool faults::acks_wait_for_half_close() const {
    std::lock_guard lock(mutex_);
    return acks_after_half_close_;
}

void faults::half_close_seen() {
    std::lock_guard lock(mutex_);
    acks_after_half_close_ = false;
}

std::vector<faults::poison> faults::poisons() const {
    std::lock_guard lock(mutex_);
    return poisons_;
}

std::optional<faults::login_fault> faults::take_login_fault() { return take_front(mutex_, login_faults_); }

std::optional<faults::http_fault> faults::take_token_fault(side of) {
    return take_front(mutex_, token_faults_[of == side::salesforce ? 0 : 1]);
}

std::optional<faults::http_fault> faults::take_rest_fault() { return take_front(mutex_, rest_faults_); }

faults::time_point faults::warehouse_up_at(bool wake) {
    std::lock_guard lock(mutex_);
    if (!asleep_) return warehouse_up_at_;
    if (!wake) return time_point::max();
    warehouse_up_at_ =
        *asleep_ == std::chrono::milliseconds::max() ? time_point::max() : steady_clock::now() + *asleep_;
    asleep_.reset();
    return warehouse_up_at_;
}

std::chrono::milliseconds faults::statement_time() const {
    std::lock_guard lock(mutex_);
    return statement_time_;
}

std::optional<std::string> faults::take_sql_error(const std::string& verb) {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(sql_faults_.begin(), sql_faults_.end(),
                                    [&](const sql_fault& one) { return one.verb.empty() || one.verb == verb; });
    if (found == sql_faults_.end()) return std::nullopt;
    std::string condition = found->condition;
    sql_faults_.erase(found);
    return condition;
}

bool faults::alter_forbidden() const {
    std::lock_guard lock(mutex_);
    return alter_forbidden_;
}

std::chrono::milliseconds faults::column_delay() const {
    std::lock_guard lock(mutex_);
    return column_delay_;
}

bool faults::expires_in_quoted() const {
    std::lock_guard lock(mutex_);
    return expires_in_quoted_;
}

bool faults::ip_restricted() const {
    std::lock_guard lock(mutex_);
    return ip_restricted_;
}

std::chrono::seconds faults::clock_skew() const {
    std::lock_guard lock(mutex_);
    return clock_skew_;
}

std::optional<std::int64_t> faults::limit_left(const std::string& name) const {
    std::lock_guard lock(mutex_);
    const auto found = limits_left_.find(name);
    return found == limits_left_.end() ? std::nullopt : std::optional(found->second);
}

bool faults::deselected(const std::string& entity) const {
    std::lock_guard lock(mutex_);
    return deselected_.contains(entity);
}

std::optional<std::string> faults::topic_code(const std::string& topic) const {
    std::lock_guard lock(mutex_);
    const auto found = topic_codes_.find(topic);
    return found == topic_codes_.end() ? std::nullopt : std::optional(found->second);
}

bool faults::field_hidden(const std::string& object, const std::string& field) const {
    std::lock_guard lock(mutex_);
    return hidden_fields_.contains({object, field});
}

faults::grant_state faults::grant_of(const std::string& privilege) const {
    std::lock_guard lock(mutex_);
    const auto found = grants_.find(privilege);
    return found == grants_.end() ? grant_state::direct : found->second;
}

bool faults::take_undecodable() {
    std::lock_guard lock(mutex_);
    if (undecodable_ == 0) return false;
    --undecodable_;
    return true;
}

} // namespace emulator
