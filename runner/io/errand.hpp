// Something that blocks (a token by HTTP, a schema) done beside the pipeline's thread, so that no timer of a machine has to
// wait for it.
#pragma once

#include "../operations/thread.hpp"
#include "inbox.hpp"

#include <chrono>
#include <future>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

namespace sfcdc::runner {

// One at a time. Used by the thread that waits on the inbox.
template<class T> class errand {
  public:
    explicit errand(inbox& to) : inbox_(to) {}
    ~errand() { stop(); }

    bool running() const noexcept { return result_.valid(); }

    // `work` is given a stop token, and must end soon after a stop is asked for. Throws failure when no thread can be started.
    template<class Work> void start(Work work) {
        std::promise<T> promise;
        std::future<T> result = promise.get_future();
        thread_ = start_thread(
            [this, promise = std::move(promise), work = std::move(work)](const std::stop_token& stop) mutable {
                try {
                    promise.set_value(work(stop));
                } catch (...) {
                    promise.set_exception(std::current_exception());
                }
                inbox_.wake();
            });
        result_ = std::move(result);
    }

    // The result, once it is there; throws what the work threw.
    std::optional<T> take() {
        if (!running() || result_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
        return result_.get();
    }

    // What is under way is given up.
    void stop() {
        thread_ = {};
        result_ = {};
    }

  private:
    inbox& inbox_;
    std::future<T> result_;
    std::jthread thread_;
};

} // namespace sfcdc::runner
