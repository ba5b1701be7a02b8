#include "publisher.hpp"

#include <algorithm>
#include <chrono>

namespace emulator {

using std::chrono::steady_clock;

publisher::publisher(std::uint64_t seed, org& to, faults& fault, bells& subscribers, changing_workload& changes,
                     event_history* history)
    : org_(to),
      faults_(fault),
      subscribers_(subscribers),
      workload_(seed),
      changes_(changes),
      history_(history),
      thread_([this] { run(); }) {}

publisher::~publisher() { stop(); }

void publisher::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

std::uint64_t publisher::start(const job& wanted) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(wanted);
    changed_.notify_all();
    return ++started_;
}

void publisher::wait_for(std::uint64_t job_number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finished_ >= job_number || stopping_; });
}

bool publisher::sleep_until(steady_clock::time_point when) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_until(lock, when, [&] { return stopping_; });
}

void publisher::run() {
    for (;;) {
        job next;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
            if (stopping_) return;
            next = jobs_.front();
            jobs_.pop_front();
        }
        publish(next);
        std::lock_guard lock(mutex_);
        ++finished_;
        changed_.notify_all();
    }
}

changing_workload::transaction publisher::next_transaction(const job& wanted, std::size_t limit) {
    if (wanted.changing) return changes_.next_transaction(limit);
    if (wanted.bytes > 0) return {workload_.sized_update(wanted.bytes), {}};
    return {workload_.next_transaction(limit, org_), {}};
}

void publisher::publish(const job& wanted) {
    while (wanted.wait_for_subscriber && subscribers_.count() == 0)
        if (!sleep_until(steady_clock::now() + std::chrono::milliseconds(5))) return;

    if (wanted.changing)
        changes_.begin(wanted.count, wanted.schema_changes);
    else
        workload_.begin(wanted.count);
    const auto start = steady_clock::now();
    for (std::uint64_t done = 0; done < wanted.count;) {
        // At a rate: as many as are due by now. At once: so many that the lock is not taken for every event.
        std::uint64_t due = std::min<std::uint64_t>(wanted.count, done + 500);
        if (wanted.rate > 0) {
            const std::chrono::duration<double> elapsed = steady_clock::now() - start;
            due = std::min(due, static_cast<std::uint64_t>(elapsed.count() * wanted.rate) + 1);
        }
        std::vector<new_event> events;
        std::vector<event_statement> statements;
        std::vector<bool> undecodable;
        while (done + events.size() < due) {
            auto transaction = next_transaction(wanted, wanted.count - done - events.size());
            for (new_event& event : transaction.events) {
                if (faults_.take_undecodable()) {
                    event.payload.resize(event.payload.size() * 2 / 3);
                    event.undecodable = true;
                }
                undecodable.push_back(event.undecodable);
                events.push_back(std::move(event));
            }
            for (event_statement& one : transaction.statements) statements.push_back(std::move(one));
        }
        done += events.size();
        if (!events.empty()) {
            const auto replay_ids = org_.publish(std::move(events));
            for (std::size_t i = 0; history_ && i < statements.size(); ++i)
                history_->append(replay_ids[i], statements[i], undecodable[i]);
        }
        const auto pause = wanted.rate > 0 ? std::chrono::milliseconds(2) : std::chrono::milliseconds(0);
        if (!sleep_until(steady_clock::now() + pause)) return;
    }
}

} // namespace emulator
