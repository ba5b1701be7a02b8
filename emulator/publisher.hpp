// Publishes the workload, at a rate or at once, on a thread of its own.
#pragma once

#include "bells.hpp"
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
    publisher(std::uint64_t seed, org& to, faults& fault, bells& subscribers);
    ~publisher();

    struct job {
        std::uint64_t count = 0;
        double rate = 0; // events a second; 0 is at once
        bool wait_for_subscriber = false;
        std::size_t bytes = 0; // of each payload; 0 is the mix of an org
    };
    // Returns the number of the job.
    std::uint64_t start(const job& wanted);
    void wait_for(std::uint64_t job_number);
    void stop();

  private:
    void run();
    void publish(const job& wanted);
    // False when it is time to stop.
    bool sleep_until(std::chrono::steady_clock::time_point when);

    org& org_;
    faults& faults_;
    bells& subscribers_;
    workload workload_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<job> jobs_;
    std::uint64_t started_ = 0;
    std::uint64_t finished_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace emulator
