// The memory of one batch of Arrow arrays, which is handed over to a consumer and comes back when that has released it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <sfcdc/row/arrow_abi.hpp>

namespace sfcdc::inline v0::row::detail {

// Bytes at an address that 64 divides, as Arrow recommends it, whose number 64 divides, too. What grows is not zeroed.
class arrow_buffer {
  public:
    static constexpr std::size_t alignment = 64;

    arrow_buffer() = default;
    arrow_buffer(arrow_buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
    arrow_buffer& operator=(arrow_buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~arrow_buffer() { ::operator delete(data_, std::align_val_t{alignment}); }

    // Room for so many bytes in all; the first `used` are kept, as far as there were so many.
    void reserve(std::size_t bytes, std::size_t used) {
        if (bytes <= capacity_) [[likely]]
            return;
        const std::size_t wanted = std::max(bytes, capacity_ + capacity_ / 2);
        const std::size_t size = (wanted + alignment - 1) / alignment * alignment;
        void* const grown = ::operator new(size, std::align_val_t{alignment});
        if (used = std::min(used, capacity_); used != 0) std::memcpy(grown, data_, used);
        ::operator delete(data_, std::align_val_t{alignment});
        data_ = grown;
        capacity_ = size;
    }
    std::size_t capacity() const noexcept { return capacity_; }
    template<class T> T* as() const noexcept { return static_cast<T*>(data_); }
    const void* data() const noexcept { return data_; }

  private:
    void* data_ = nullptr;
    std::size_t capacity_ = 0;
};

// The buffers of one array; which of them there are, its type says.
struct array_memory {
    arrow_buffer validity, offsets, values;
};

// All arrays of a batch, and the structs that describe them. It is shared by the batch that fills it and each exported array
// that is not released: the last one of them deletes it, from whatever thread that may be.
class batch_memory {
  public:
    // So many columns, of which those that are lists have the array of their items, too.
    explicit batch_memory(const std::vector<bool>& is_list)
        : columns(is_list.size()),
          items(is_list.size()),
          arrays_(is_list.size()),
          item_arrays_(is_list.size()),
          item_pointers_(is_list.size()),
          pointers_(is_list.size()),
          buffers_(6 * is_list.size() + 1) {}
    batch_memory(const batch_memory&) = delete;

    void keep() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
    void drop() noexcept {
        if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    // Whether no exported array is left, so that the memory may be filled anew.
    bool is_mine_alone() const noexcept { return users_.load(std::memory_order_acquire) == 1; }

    // Bytes of zeros, for the buffers of columns that no event of a batch touches. They stay as they are while they are long
    // enough; precondition for growing: is_mine_alone().
    void reserve_zeros(std::size_t bytes) {
        if (bytes <= zeros_.capacity()) return;
        zeros_.reserve(bytes, 0);
        std::memset(zeros_.as<char>(), 0, zeros_.capacity());
    }
    const void* zeros() const noexcept { return zeros_.data(); }

    // Describes the array of a column, and of its items; `buffers` is how many there are.
    void describe(std::size_t column, std::int64_t length, std::int64_t nulls,
                  std::initializer_list<const void*> from) {
        fill(arrays_[column], length, nulls, from, &buffers_[6 * column]);
        pointers_[column] = &arrays_[column];
    }
    void describe_items(std::size_t column, std::int64_t length, std::initializer_list<const void*> from) {
        fill(item_arrays_[column], length, 0, from, &buffers_[6 * column + 3]);
        item_pointers_[column] = &item_arrays_[column];
        arrays_[column].n_children = 1;
        arrays_[column].children = &item_pointers_[column];
    }
    // Hands all described arrays over as the children of one struct array.
    void export_to(ArrowArray* out, std::int64_t rows) noexcept {
        buffers_.back() = nullptr; // rows of a batch are never null
        keep();
        *out = {.length = rows,
                .null_count = 0,
                .offset = 0,
                .n_buffers = 1,
                .n_children = static_cast<std::int64_t>(pointers_.size()),
                .buffers = &buffers_.back(),
                .children = pointers_.data(),
                .dictionary = nullptr,
                .release = release,
                .private_data = this};
    }

    std::vector<array_memory> columns, items;

  private:
    ~batch_memory() = default;

    void fill(ArrowArray& out, std::int64_t length, std::int64_t nulls, std::initializer_list<const void*> from,
              const void** buffers) noexcept {
        std::copy(from.begin(), from.end(), buffers);
        keep();
        out = {.length = length,
               .null_count = nulls,
               .offset = 0,
               .n_buffers = static_cast<std::int64_t>(from.size()),
               .n_children = 0,
               .buffers = buffers,
               .children = nullptr,
               .dictionary = nullptr,
               .release = release,
               .private_data = this};
    }
    // A consumer may have moved children away, and releases them later.
    static void release(ArrowArray* a) {
        for (std::int64_t i = 0; i < a->n_children; ++i)
            if (a->children[i]->release != nullptr) a->children[i]->release(a->children[i]);
        a->release = nullptr;
        static_cast<batch_memory*>(a->private_data)->drop();
    }

    std::atomic<int> users_{1};
    std::vector<ArrowArray> arrays_, item_arrays_;
    std::vector<ArrowArray*> item_pointers_, pointers_;
    std::vector<const void*> buffers_; // three of each column, three of its items, and one of the batch
    arrow_buffer zeros_;
};

} // namespace sfcdc::inline v0::row::detail
