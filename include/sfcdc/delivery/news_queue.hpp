// The news of a delivery that nobody has polled yet.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include <sfcdc/delivery_io.hpp>

namespace sfcdc::inline v0::detail {

// Counts the dead letters among the news, because no position is due while one of them is not polled.
class news_queue {
  public:
    template<class News> void push(News&& news) {
        delivery_news& added = news_.emplace_back(std::forward<News>(news));
        if (std::holds_alternative<dead_letter>(added)) ++letters_;
    }

    // Returns the oldest of the news and takes it out; nothing when there is none.
    std::optional<delivery_news> poll() {
        if (news_.empty()) return std::nullopt;
        std::optional<delivery_news> next(std::move(news_.front()));
        news_.pop_front();
        if (std::holds_alternative<dead_letter>(*next)) --letters_;
        return next;
    }

    bool empty() const noexcept { return news_.empty(); }
    bool has_letters() const noexcept { return letters_ > 0; }

  private:
    std::deque<delivery_news> news_;
    std::size_t letters_ = 0;
};

} // namespace sfcdc::inline v0::detail
