// One type for bytes that a caller has in whatever form: std::byte, char, unsigned char; a string, a vector, a span.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

namespace sfcdc::inline v0::wire {

template<class T>
concept byte_like = std::same_as<T, std::byte> || std::same_as<T, char> || std::same_as<T, unsigned char>;

// Something with data() and size() whose elements are bytes. An array is none: the last byte of a string literal, its zero,
// would be taken for a byte of the message.
template<class R>
concept byte_range = !std::is_array_v<std::remove_cvref_t<R>> && requires(R& range) {
    requires byte_like<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(range))>>>;
    { std::size(range) } -> std::convertible_to<std::size_t>;
};

// A range of bytes that does not pass for text by itself.
template<class R>
concept binary_range = byte_range<R> && !std::convertible_to<const R&, std::string_view>;

// A temporary that owns its bytes, such as a std::string that a function returns. What looks into it would look into
// memory that is gone as soon as the call is over.
template<class R>
concept owning_temporary =
    byte_range<R> && !std::is_lvalue_reference_v<R> && !std::ranges::enable_borrowed_range<std::remove_cvref_t<R>>;

// A view: it ends with the bytes. Made implicitly, so that functions that take it take all of these forms.
class byte_view {
  public:
    constexpr byte_view() = default;
    template<byte_range R>
    constexpr byte_view(const R& range) noexcept : data_(std::data(range)), size_(std::size(range)) {}
    // From what converts to bytes by itself, as a user's own type of buffer may, or an array of std::byte.
    template<class B>
        requires(!byte_range<B> && std::convertible_to<const B&, std::span<const std::byte>>)
    constexpr byte_view(const B& buffer) noexcept : byte_view(std::span<const std::byte>(buffer)) {}

    std::span<const std::byte> span() const noexcept { return {static_cast<const std::byte*>(data_), size_}; }
    std::string_view text() const noexcept { return {static_cast<const char*>(data_), size_}; }
    constexpr std::size_t size() const noexcept { return size_; }

  private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace sfcdc::inline v0::wire
