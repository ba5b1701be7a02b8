// What is to go wrong, and how often. Tests set it through POST /fault; services ask at the right moment.
// listing.cpp has all of them.
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
