// Where everything arrives that happens to one pipeline. Waiting for it is the only line on which the pipeline's thread
// blocks, but for its files.
#pragma once

#include <sfcdc/backoff.hpp>

#include <grpcpp/completion_queue.h>

#include <optional>

namespace sfcdc::runner {

class inbox {
  public:
    // The tag of an operation on queue(): told once when it is done, on the thread that waits.
    class operation {
      public:
        virtual void done(bool ok) = 0;

      protected:
        ~operation() = default;
    };

    inbox() = default;
    ~inbox(); // whoever has operations under way has waited for them
    inbox(const inbox&) = delete;
    inbox& operator=(const inbox&) = delete;

    grpc::CompletionQueue& queue() noexcept { return queue_; }

    // Returns after something has happened and its owner was told, or when it is later than `when`. What has happened
    // together is told together.
    void wait_until(std::optional<time_point> when);

    // From any thread: wait_until() returns.
    void wake();

  private:
    grpc::CompletionQueue queue_;
};

} // namespace sfcdc::runner
