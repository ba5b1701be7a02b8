// Names in one block of memory, so that a name can be copied without a branch on its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/wire/copy.hpp>

namespace sfcdc::inline v0::avro {

// Names are added and then found by their position. Views end with the table, or with the next add().
class name_table {
  public:
    // The number of bytes that can be read from the start of each name, whatever the name's length: wire::copy_padded() does so.
    static constexpr std::size_t readable = wire::padded_room;

    // Adds the name that is `a` followed by `b`.
    [[gnu::noinline]] void add(std::string_view a, std::string_view b = {}) {
        if (begins_.empty()) begins_.push_back(0);
        text_.resize(begins_.back());
        text_.append(a);
        text_.append(b);
        begins_.push_back(static_cast<std::uint32_t>(text_.size()));
        text_.append(readable, '\0');
    }
    // Precondition: so many names were added.
    std::string_view operator[](std::size_t i) const noexcept {
        return {text_.data() + begins_[i], begins_[i + 1] - begins_[i]};
    }

  private:
    std::string text_;
    std::vector<std::uint32_t> begins_; // The last element is where the last name ends.
};

} // namespace sfcdc::inline v0::avro
