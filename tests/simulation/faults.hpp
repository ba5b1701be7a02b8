// Everything that can go wrong, as operations on the models. Each says whether there was something to do it to.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include "databricks.hpp"
#include "dice.hpp"
#include "network.hpp"
#include "salesforce.hpp"
#include "schedule.hpp"

namespace simulation {

// What the operations work on.
struct stage {
    schedule& clock;
    dice& random;
    network& net;
    salesforce& org;
    std::vector<databricks>& lake;
    std::uint32_t& crash_in; // so many steps of the runner from now, it dies; 0: it lives
    bool& stopping;          // the runner is told to come to an end

    databricks& table() const { return lake[static_cast<std::size_t>(random.below(lake.size()))]; }
    // Something stays as it is for a while.
    template<class Undo> bool for_a_while(duration longest, Undo undo) const {
        clock.after(random.between<duration>(1s, longest), undo);
        return true;
    }
    duration sometimes_long() const { return random.one_in(5) ? duration(20min) : duration(1min); }
};

struct fault {
    std::string_view name;
    unsigned weight;
    bool (*happen)(const stage&);
};

inline constexpr fault faults[] = {
    // Salesforce
    {"salesforce: the call ends without an error", 4, [](const stage& s) { return s.org.end_cleanly(); }},
    {"salesforce: the connection is reset", 8, [](const stage& s) { return s.org.reset(); }},
    {"salesforce: the line goes dead", 2, [](const stage& s) { return s.org.go_silent(); }},
    {"salesforce: an error code ends the call", 6,
     [](const stage& s) { return s.org.end_with(salesforce_errors[s.random.below(std::size(salesforce_errors))]); }},
    {"salesforce: the token expires", 3, [](const stage& s) { return s.org.expire_token(); }},
    {"salesforce: a good token is refused once", 2,
     [](const stage& s) {
         s.org.refuse_next_token();
         return s.org.reset();
     }},
    {"salesforce: a call is never answered", 2,
     [](const stage& s) {
         s.org.swallow_next_call();
         return s.org.reset();
     }},
    {"salesforce: logins fail for a while", 2,
     [](const stage& s) {
         s.org.login_down = true;
         s.for_a_while(5min, [&org = s.org] { org.login_down = false; });
         return s.org.expire_token();
     }},
    {"salesforce: the login is refused for a while", 1,
     [](const stage& s) {
         s.org.login_refused = true;
         s.for_a_while(5min, [&org = s.org] { org.login_refused = false; });
         return s.org.expire_token();
     }},
    {"salesforce: schemas cannot be had for a while", 3,
     [](const stage& s) {
         s.org.schemas_down = true;
         return s.for_a_while(s.sometimes_long(), [&org = s.org] { org.schemas_down = false; });
     }},
    {"salesforce: schemas are refused for a while", 1,
     [](const stage& s) {
         s.org.schemas_refused = true;
         return s.for_a_while(1min, [&org = s.org] { org.schemas_refused = false; });
     }},
    {"salesforce: no connection for a while", 3,
     [](const stage& s) {
         s.org.unreachable = true;
         s.for_a_while(s.sometimes_long(), [&org = s.org] { org.unreachable = false; });
         return s.org.reset();
     }},
    {"salesforce: replay ids are not known any more", 1, [](const stage& s) { return s.org.forget_positions(); }},
    {"salesforce: events are sent twice", 3, [](const stage& s) { return s.org.repeat_response(); }},
    {"salesforce: more events than asked for", 3, [](const stage& s) { return s.org.send_more_than_asked(); }},
    {"salesforce: a message that is none", 2, [](const stage& s) { return s.org.send_rubbish(); }},
    {"salesforce: a keepalive without credits", 6, [](const stage& s) { return s.org.keepalive_without_credits(); }},

    // Databricks
    {"databricks: the connection is reset", 8, [](const stage& s) { return s.table().reset(); }},
    {"databricks: the line goes dead", 2, [](const stage& s) { return s.table().go_silent(); }},
    {"databricks: a status ends the call", 8,
     [](const stage& s) { return s.table().end_with(static_cast<int>(s.random.below(17))); }},
    {"databricks: the token expires", 3, [](const stage& s) { return s.table().expire_token(); }},
    {"databricks: a good token is refused once", 2,
     [](const stage& s) {
         databricks& table = s.table();
         table.refuse_next_call(s.random.one_in(2) ? grpc_unauthenticated : grpc_permission_denied);
         return table.reset();
     }},
    {"databricks: create_stream is refused once", 3,
     [](const stage& s) {
         databricks& table = s.table();
         table.refuse_next_call(static_cast<int>(s.random.below(17)));
         return table.reset();
     }},
    {"databricks: logins fail for a while", 2,
     [](const stage& s) {
         databricks& table = s.table();
         table.login_down = true;
         s.for_a_while(5min, [&table] { table.login_down = false; });
         return table.expire_token();
     }},
    {"databricks: the login is refused for a while", 1,
     [](const stage& s) {
         databricks& table = s.table();
         table.login_refused = true;
         s.for_a_while(5min, [&table] { table.login_refused = false; });
         return table.expire_token();
     }},
    {"databricks: no connection for a while", 3,
     [](const stage& s) {
         databricks& table = s.table();
         table.unreachable = true;
         s.for_a_while(s.sometimes_long(), [&table] { table.unreachable = false; });
         return table.reset();
     }},
    {"databricks: calls are accepted and fail at once for a while", 2,
     [](const stage& s) {
         databricks& table = s.table();
         table.storms = true;
         s.for_a_while(s.sometimes_long(), [&table] { table.storms = false; });
         return table.reset();
     }},
    {"databricks: no answer to create_stream for a while", 2,
     [](const stage& s) {
         databricks& table = s.table();
         table.mute = true;
         s.for_a_while(1min, [&table] { table.mute = false; });
         return table.reset();
     }},
    {"databricks: the call is told to go", 8, [](const stage& s) { return s.table().rotate(); }},
    {"databricks: a wrong acknowledgement", 6, [](const stage& s) { return s.table().acknowledge_wrongly(); }},
    {"databricks: slow storage for a while", 6,
     [](const stage& s) {
         databricks& table = s.table();
         table.storage_delay = s.random.between<duration>(1s, 50s);
         return s.for_a_while(s.sometimes_long(), [&table] { table.storage_delay = 50ms; });
     }},

    // the rest
    {"the network is slow for a while", 3,
     [](const stage& s) {
         s.net.slow_down = s.random.between<duration>(1s, 8s);
         return s.for_a_while(1min, [&net = s.net] { net.slow_down = 0s; });
     }},
    {"the runner dies", 4,
     [](const stage& s) {
         s.crash_in = 1 + static_cast<std::uint32_t>(s.random.below(30));
         return true;
     }},
    {"the runner is told to stop", 3, [](const stage& s) { return s.stopping = true; }},
};
inline constexpr std::size_t fault_count = std::size(faults);

// Each seed has about half of the faults only: what some of them prevent, the death of the runner first of all, others
// then have the time to bring about.
class fault_picker {
  public:
    explicit fault_picker(dice& random) {
        for (std::size_t i = 0; i < fault_count; ++i) {
            if (random.one_in(2)) continue;
            chosen_.push_back(i);
            weight_ += faults[i].weight;
        }
    }
    bool empty() const { return chosen_.empty(); }
    std::size_t pick(dice& random) const {
        std::uint64_t left = random.below(weight_);
        for (const std::size_t i : chosen_) {
            if (left < faults[i].weight) return i;
            left -= faults[i].weight;
        }
        return chosen_.back();
    }

  private:
    std::vector<std::size_t> chosen_;
    std::uint64_t weight_ = 0;
};

} // namespace simulation
