// What is to go wrong, and how often. Tests set it through POST /fault; services ask at the right moment.
//
//   op                         members                    what happens
//   subscribe_error            code, times (1)            open subscriptions end with the code (that is once), and the
//                                                         next ones at their first request
//   forbid_schema              record                     GetSchema refuses schemas of this record name
//   drop_subscribers                                      open subscriptions end with OK
//   silence_subscribe          ms                         subscriptions send nothing, as if half open
//   expire_salesforce_tokens   end_streams (true)         also ends subscriptions, with service.auth.error
//   expire_databricks_tokens
//   expire_retention                                      every replay id of before is gone
//   rotate_streams             duration_ms (null)         a close_stream_signal, then UNAVAILABLE after duration_ms
//   zerobus_error              code, when, times (1)      when "create": the next create_stream fails; when "stream":
//                                                         an open stream ends, or the next to open
//   hold_acks                  ms                         no acknowledgements for so long
//   late_ack_after_half_close                             open streams acknowledge only after the client's half-close
//   poison                     column, value              a request with such a row is refused
//   warehouse_asleep           ms (null)                  the next statement starts the SQL warehouse, which takes so long;
//                                                         with null it never starts
//   slow_statements            ms                         statements run for so long
//   sql_error                  condition, verb (null),    the next statements that begin with this word (null: with any)
//                              times (1)                  fail with this error class, and have no effect
//   forbid_alter               on (true)                  the principal has no MODIFY: ALTER TABLE fails with
//                                                         INSUFFICIENT_PERMISSIONS, CREATE TABLE and SELECT work
//   column_delay               ms                         a column that ALTER TABLE adds is seen by table descriptions and
//                                                         by Zerobus only after so long
//   rest_status                status, times (1),         the REST API (statements, tables) answers so
//                              retry_after_s
//   token_status               side, status, times (1),   the token endpoint answers so
//                              retry_after_s
//   login_error                error, description (""),   the next logins to Salesforce are refused so: as an OAuth error,
//                              times (1)                  or as the fault code of SOAP
//   quoted_expires_in          on (true)                  expires_in comes as a string
//   undecodable                times (1)                  the next events are published cut short
//   restrict_ip                on (true)                  Salesforce gives sessions and accepts none, as from an address
//                                                         that the user's profile does not allow
//   clock_skew                 s                          the Date of HTTP answers is off by so many seconds
//   org_limit                  name, remaining            what /limits says is left of it
//   deselect                   entity                     Change Data Capture is off for this object: its topic is unknown
//   forbid_topic               topic, code                its calls end with the code; GetTopic says no more than
//                                                         can_subscribe of subscription.topic.cannot.subscribe
//   hide_field                 object, field              the user may not see the field: describe leaves it out
//   grant                      privilege, how             a privilege on tables is "missing" or "inherited"
//   clear                                                 ends all of these
#pragma once

#include "bells.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <grpcpp/grpcpp.h>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace emulator {

// The gRPC status that goes with a Pub/Sub error code (without its prefix); nothing for a code that does not exist.
std::optional<grpc::StatusCode> status_of_pubsub_error(const std::string& code);

class faults {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    faults(bells& subscribers, bells& ingest_streams) : subscribers_(subscribers), ingest_streams_(ingest_streams) {}

    // Takes a command such as {"op":"drop_subscribers"}. Throws std::invalid_argument with a sentence about what is
    // wrong with it.
    void apply(const nlohmann::json& command);

    // ---- Subscribe
    std::optional<std::string> take_open_error();
    // Open streams remember the count at their start and end when it has moved on.
    struct interruption {
        std::uint64_t count = 0;
        std::string code; // empty: the stream ends with OK
    };
    interruption subscribe_interruption() const;
    void interrupt_subscribers(const std::string& code);
    bool silent() const;

    // ---- GetSchema
    bool schema_forbidden(const std::string& schema_json) const;

    // ---- EphemeralStream
    struct rotation {
        std::uint64_t count = 0;
        std::optional<std::chrono::milliseconds> duration;
    };
    rotation last_rotation() const;
    std::optional<grpc::StatusCode> take_create_error();
    std::optional<grpc::StatusCode> take_stream_error();
    bool acks_held() const;
    bool acks_wait_for_half_close() const;
    void half_close_seen();
    struct poison {
        std::string column;
        std::string value;
    };
    std::vector<poison> poisons() const;

    // ---- statements and tables
    // Before this the warehouse is not up. With `wake` a statement starts it, if it is asleep.
    time_point warehouse_up_at(bool wake);
    std::chrono::milliseconds statement_time() const;
    std::optional<std::string> take_sql_error(const std::string& verb);
    bool alter_forbidden() const;
    std::chrono::milliseconds column_delay() const;

    // ---- logins
    enum class side { salesforce, databricks };
    struct http_fault {
        int status;
        std::optional<int> retry_after_s;
    };
    std::optional<http_fault> take_token_fault(side of);
    std::optional<http_fault> take_rest_fault();
    struct login_fault {
        std::string error, description;
    };
    std::optional<login_fault> take_login_fault();
    bool expires_in_quoted() const;

    // ---- the org, as its REST API and its topics show it
    bool ip_restricted() const;
    std::chrono::seconds clock_skew() const;
    std::optional<std::int64_t> limit_left(const std::string& name) const;
    bool deselected(const std::string& entity) const;
    std::optional<std::string> topic_code(const std::string& topic) const; // the error code that its calls end with
    bool field_hidden(const std::string& object, const std::string& field) const;

    // ---- Unity Catalog
    enum class grant_state { direct, inherited, missing };
    grant_state grant_of(const std::string& privilege) const;

    // ---- the workload
    bool take_undecodable();

  private:
    bells& subscribers_;
    bells& ingest_streams_;

    mutable std::mutex mutex_;
    std::deque<std::string> open_errors_;
    std::vector<std::string> forbidden_schemas_;
    interruption interruption_;
    time_point silent_until_{};
    rotation rotation_;
    std::deque<grpc::StatusCode> create_errors_;
    std::deque<grpc::StatusCode> stream_errors_;
    time_point acks_held_until_{};
    bool acks_after_half_close_ = false;
    std::vector<poison> poisons_;
    struct sql_fault {
        std::string condition, verb; // the latter empty: any
    };
    std::optional<std::chrono::milliseconds> asleep_; // how long the start will take
    time_point warehouse_up_at_{};
    std::chrono::milliseconds statement_time_{0}, column_delay_{0};
    std::deque<sql_fault> sql_faults_;
    std::deque<http_fault> rest_faults_;
    std::deque<http_fault> token_faults_[2];
    std::deque<login_fault> login_faults_;
    bool alter_forbidden_ = false, expires_in_quoted_ = false, ip_restricted_ = false;
    std::chrono::seconds clock_skew_{0};
    std::map<std::string, std::int64_t> limits_left_;
    std::set<std::string> deselected_;
    std::map<std::string, std::string> topic_codes_;
    std::set<std::pair<std::string, std::string>> hidden_fields_;
    std::map<std::string, grant_state> grants_;
    std::uint64_t undecodable_ = 0;
};

} // namespace emulator
