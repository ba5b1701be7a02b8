// Publishes the workload, at a rate or at once, on a thread of its own.
#pragma once

#include "bells.hpp"
#include "changing_workload.hpp"
#include "event_history.hpp"
#include "faults.hpp"
#include "org.hpp"
#include "workload.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

namespace emulator {

class publisher {
  public:
    // `history`: where what the changing workload tells is kept; nullptr: nowhere.
    publisher(std::uint64_t seed, org& to, faults& fault, bells& subscribers, changing_workload& changes,
              event_history* history);
    ~publisher();

    struct job {
        std::uint64_t count = 0;
        double rate = 0; // events a second; 0 is at once
        bool wait_for_subscriber = false;
        std::size_t bytes = 0; // of each payload; 0 is the mix of an org
        bool changing = false; // events of the entities whose schemas change
        std::uint64_t schema_changes = 0;
    };
    // Returns the number of the job.
    std::uint64_t start(const job& wanted);
    void wait_for(std::uint64_t job_number);
    void stop();

  private:
    void run();
    void publish(const job& wanted);
    changing_workload::transaction next_transaction(const job& wanted, std::size_t limit);
    // False when it is time to stop.
    bool sleep_until(std::chrono::steady_clock::time_point when);

    org& org_;
    faults& faults_;
    bells& subscribers_;
    workload workload_;
    changing_workload& changes_;
    event_history* const history_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<job> jobs_;
    std::uint64_t started_ = 0;
    std::uint64_t finished_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace emulator
