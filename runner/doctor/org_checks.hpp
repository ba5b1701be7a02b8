// The checks of one org and of the topics of its pipelines.
#pragma once

#include "../config/config.hpp"
#include "../salesforce/discovery.hpp"
#include "../salesforce/rest.hpp"
#include "../salesforce/single_calls.hpp"
#include "finding.hpp"

#include <sfcdc/cdc/plan.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sfcdc::runner::doctor {

// Used by one thread. One login, and no login again: repeated refusals lock a user.
class org_checks {
  public:
    // Both outlive it. `some_topic` is one that the session is tried with.
    org_checks(const salesforce_config& config, std::string some_topic, report& to)
        : config_(config), some_topic_(std::move(some_topic)), report_(to) {}

    // The ways to the servers, the login, the session, and what is left of the limits.
    void run();
    // The pipelines that one whose topic is a pattern stands for now; any other stands for itself.
    std::vector<pipeline_config> topics_of(const pipeline_config& pipeline);
    // What the pipeline reads: selection, topic, schemas, fields, position. Each topic is looked at once.
    void look_at(const pipeline_config& pipeline);

    // The plans of a pipeline's events by their objects, as far as look_at() has found them.
    std::map<std::string, const cdc::plan*> plans_of(const pipeline_config& pipeline) const;

  private:
    struct known_schema {
        std::string object; // "Account"
        std::vector<std::string> fields;
        cdc::plan plan;
    };

    void log_in();
    void look_at_service();
    void look_at_session();
    void look_at_limits();
    bool look_at_selection(const std::string& topic, const std::vector<std::string>& events);
    bool look_at_topic(const std::string& topic);
    void look_at_object(const std::string& topic, const pipeline_config& pipeline);
    void look_at_schema(const std::string& topic, const std::string& schema_id);
    void look_at_fields(const std::string& topic, const pipeline_config& pipeline);
    void look_at_position(const pipeline_config& pipeline);

    // The topics of single objects that the events of a pipeline are of.
    std::vector<std::string> topics_of_objects(const pipeline_config& pipeline) const;

    const salesforce_config& config_;
    const std::string some_topic_;
    report& report_;

    bool login_reached_ = false, pubsub_reached_ = false;
    std::optional<salesforce::session> session_;
    bool session_good_ = false;
    std::string version_; // of the REST API; empty: not known
    std::unique_ptr<salesforce::rest> rest_;
    std::unique_ptr<salesforce::single_calls> calls_;
    std::optional<std::vector<std::string>> selected_; // change events; nothing: not known
    bool asked_for_selection_ = false;
    std::optional<salesforce::rest_refusal> why_not_selected_;
    std::optional<std::vector<salesforce::channel>> channels_; // that somebody has made; nothing: nobody has asked
    std::map<std::string, bool> topics_;                       // that were looked at, and whether they are good
    std::set<std::string> objects_;                            // topics of single objects that were looked at
    std::map<std::string, std::string> schema_ids_;            // of these topics
    std::map<std::string, known_schema> schemas_;              // by topic
};

} // namespace sfcdc::runner::doctor
