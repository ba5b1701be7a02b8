// The dead letters of one pipeline, delivered as the events of a topic are. What was delivered is marked in the file, and what was not gets its
// new reason there, so that a process that is killed at any time has lost and forgotten nothing: at worst it delivers a letter twice.
#pragma once

#include "../config/config.hpp"
#include "../disk/dead_letters.hpp"
#include "../disk/letters_file.hpp"
#include "event_source.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner {

// Why a letter cannot be tried again, or nothing.
std::optional<std::string> reason_to_keep(const kept_letter& letter, const pipeline_config& pipeline);

// The schema of a letter: from the letters' own file, else from the org, which needs a login. Throws no_schema, failure, stopped.
std::shared_ptr<const salesforce::event_schema> schema_of_letter(const letters_reader& letters, const std::string& id,
                                                                 salesforce::org& org, const std::stop_token& stop);

class letter_source final : public event_source {
  public:
    // `letters` is what stands in the file of `file`, which nobody else writes. `say` is told a line for each letter that is not delivered and
    // for each row that has lost a column. All references outlive it. Throws as org::session() where no letter says of which org it is.
    letter_source(const pipeline_config& pipeline, salesforce::org& org, const letters_reader& letters,
                  dead_letters& file, std::function<void(const std::string&)> say);

    std::uint64_t delivered() const noexcept { return delivered_; }
    std::uint64_t failed_again() const noexcept { return failed_again_; }

    std::string org_id() const override { return org_id_; }
    std::uint64_t events() const override { return tried_.size(); }
    bool at_end() const override { return next_ == tried_.size(); }
    void perform(const pubsub::action& action) override;
    std::optional<pubsub::input> next_input() override;
    std::shared_ptr<const salesforce::event_schema> schema(const std::string& id,
                                                           const std::stop_token& stop) override;
    const nlohmann::ordered_json* refused_row(const pubsub::consumer_event& event) override;
    void left_out(const pubsub::consumer_event& event, const std::vector<std::string>& columns) override;
    std::int64_t received(const pubsub::consumer_event& event) const override {
        return tried_[place_of(event)].letter->received_timestamp;
    }
    void failed(const dead_letter& letter, const letter_surroundings& around) override;
    void delivered(std::uint64_t events) override;

  private:
    struct tried {
        const kept_letter* letter;
        pubsub::replay_id replay_id;
        bool failed = false;  // the letter stays
        bool refused = false; // it is an event, and a row of it is a letter in its place
    };

    std::string name_of(std::size_t event) const;
    std::size_t place_of(const pubsub::consumer_event& event) const;
    [[noreturn]] void changed(const kept_letter& letter) const;
    void hand_over();

    const pipeline_config& config_;
    salesforce::org& org_;
    const letters_reader& letters_;
    dead_letters& file_;
    const std::function<void(const std::string&)> say_;
    std::string org_id_;
    std::vector<tried> tried_;
    std::map<std::string, std::size_t> by_name_; // by event and replay id, as the delivery knows them

    std::uint64_t call_ = 0;
    std::int64_t credits_ = 0;
    std::size_t next_ = 0; // the next event to be handed over
    std::deque<pubsub::input> inputs_;
    std::string response_; // of the last response in inputs_
    std::optional<std::uint64_t> row_of_;
    nlohmann::ordered_json row_;
    std::uint64_t marked_ = 0, delivered_ = 0, failed_again_ = 0;
};

} // namespace sfcdc::runner
