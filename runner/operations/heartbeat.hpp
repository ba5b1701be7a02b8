// Whether a thread still turns, for a watchdog that another thread reads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace sfcdc::runner {

// The sign of life of one thread. The thread counts its turns; while it waits for a peer, which may take hours and is no fault of the
// process, it says so, and is not expected to turn. Everything else that takes long (a disk that does not answer, a lock, a loop) is a hang.
class heartbeat {
  public:
    // Attaches the calling thread for the lifetime of the object, so that `waits` below finds its heartbeat wherever it stands.
    class attached {
      public:
        explicit attached(heartbeat& of) noexcept : before_(current) { current = &of; }
        ~attached() { current = before_; }
        attached(const attached&) = delete;
        attached& operator=(const attached&) = delete;

      private:
        heartbeat* const before_;
    };

    // For its lifetime the calling thread waits for something outside of the process. May be nested; does nothing in a thread that is
    // not attached.
    class waits {
      public:
        waits() noexcept : of_(current) {
            if (of_ != nullptr) of_->waiting_.fetch_add(1, std::memory_order_relaxed);
        }
        ~waits() {
            if (of_ == nullptr) return;
            of_->turn(); // before it counts as working again, so that the time of the wait is not counted
            of_->waiting_.fetch_sub(1, std::memory_order_release);
        }
        waits(const waits&) = delete;
        waits& operator=(const waits&) = delete;

      private:
        heartbeat* const of_;
    };

    // The thread is to turn at least so often, also where nothing happens. Set before it begins; nothing: nobody looks.
    std::optional<std::chrono::milliseconds> due_each;

    // By the thread itself, once in each round of its loop.
    void turn() noexcept { turns_.fetch_add(1, std::memory_order_relaxed); }

    std::uint64_t turns() const noexcept { return turns_.load(std::memory_order_relaxed); }
    bool waiting() const noexcept { return waiting_.load(std::memory_order_acquire) != 0; }

  private:
    static inline thread_local heartbeat* current = nullptr;

    std::atomic<std::uint64_t> turns_{0};
    std::atomic<std::uint32_t> waiting_{0};
};

// The reader's side: since when a heartbeat has not turned. Used by one thread, which looks again and again.
class heartbeat_watch {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    // True while the thread has turned, or was seen waiting, within `limit` before `now`.
    bool turns_within(const heartbeat& of, std::chrono::steady_clock::duration limit, time_point now) noexcept {
        const bool waiting = of.waiting(); // first: the turn at the end of a wait is then seen, too
        const std::uint64_t turns = of.turns();
        if (waiting || !since_ || turns != turns_) since_ = now;
        turns_ = turns;
        return now - *since_ < limit;
    }
    // Another run begins, in another thread.
    void begin_anew() noexcept { since_.reset(); }

  private:
    std::uint64_t turns_ = 0;
    std::optional<time_point> since_;
};

} // namespace sfcdc::runner
