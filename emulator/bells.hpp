// Streams sleep until something concerns them. Whoever changes what they look at (a new event, a fault) rings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <vector>

namespace emulator {

class bell {
  public:
    virtual void ring() = 0;

  protected:
    ~bell() = default;
};

class bells {
  public:
    // A stream is in the list for as long as its listener lives.
    class listener {
      public:
        listener(bells& list, bell& own) : list_(list), own_(own) {
            std::lock_guard lock(list_.mutex_);
            list_.members_.push_back(&own_);
        }
        listener(const listener&) = delete;
        listener& operator=(const listener&) = delete;
        ~listener() {
            std::lock_guard lock(list_.mutex_);
            std::erase(list_.members_, &own_);
        }

      private:
        bells& list_;
        bell& own_;
    };

    void ring() {
        std::lock_guard lock(mutex_);
        for (bell* member : members_) member->ring();
    }

    std::size_t count() const {
        std::lock_guard lock(mutex_);
        return members_.size();
    }

  private:
    mutable std::mutex mutex_;
    std::vector<bell*> members_;
};

} // namespace emulator
