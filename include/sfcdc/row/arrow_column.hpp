// One column of an Arrow batch while it is filled.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/row/arrow_memory.hpp>
#include <sfcdc/row/arrow_noted.hpp>
#include <sfcdc/row/arrow_text.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/decimal128.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/copy.hpp>
#include <sfcdc/wire/utf8.hpp>

namespace sfcdc::inline v0::row::detail {

// Fills the buffers of one array. A value is put where its row is; rows in between are nulls, whose slots hold zeros, so that
// no row of an earlier batch is seen through them. Rows of variable length are put in order. A column that no row touches
// costs nothing.
class arrow_column {
  public:
    // Begins a new batch of about `room` rows, in memory whose content does not matter any more. A list that is never null is
    // empty where nothing is put.
    void begin(column_type type, bool never_null, std::size_t room, array_memory& memory,
               array_memory& items) noexcept {
        type_ = type;
        never_null_ = never_null;
        room_ = room;
        memory_ = &memory;
        items_ = &items;
        rows_ = ends_ = bytes_ = item_bytes_ = item_count_ = values_ = 0;
        unchecked_ = continues_ = false;
    }
    // Bytes that were not UTF-8, in all batches so far.
    std::uint32_t replaced() const noexcept { return replaced_; }
    void add_replaced(std::uint32_t bytes) noexcept { replaced_ += bytes; }

    // ---- one row ---------------------------------------------------------------------------------------------------------

    template<class T> void put_number(std::size_t row, T v) {
        touch(row);
        memory_->values.as<T>()[row] = v;
    }
    void put_boolean(std::size_t row, bool v) {
        touch(row);
        put_bit(memory_->values.as<std::uint64_t>(), row, v);
    }
    // The text of a decimal, whose digits are known to fit.
    void put_decimal(std::size_t row, std::string_view digits, std::uint8_t scale) {
        touch(row);
        store_decimal128(memory_->values.as<std::uint64_t>() + 2 * row, digits, scale);
    }
    // UTF-8 is checked; what is not is replaced.
    void put_text(std::size_t row, std::string_view text) {
        touch(row);
        fill_ends(row);
        bytes_ = append_text(memory_->values, bytes_, text);
        put_end(bytes_);
    }
    void put_bytes(std::size_t row, std::span<const std::byte> bytes) {
        touch(row);
        fill_ends(row);
        memory_->values.reserve(bytes_ + bytes.size(), bytes_);
        if (!bytes.empty()) std::memcpy(memory_->values.as<char>() + bytes_, bytes.data(), bytes.size());
        bytes_ += bytes.size();
        put_end(bytes_);
    }
    template<class Range> void put_texts(std::size_t row, const Range& texts) {
        touch(row);
        fill_ends(row);
        for (const std::string_view text : texts) {
            item_bytes_ = append_text(items_->values, item_bytes_, text);
            items_->offsets.reserve(4 * (item_count_ + 2), 4 * (item_count_ + 1));
            std::int32_t* const all = items_->offsets.as<std::int32_t>();
            all[0] = 0;
            all[++item_count_] = static_cast<std::int32_t>(item_bytes_);
        }
        put_end(item_count_);
    }
    // Texts that are ASCII and stand one behind the other, each up to its end.
    void put_joined_texts(std::size_t row, std::string_view all, std::span<const std::int32_t> text_ends) {
        start_items(row, all.size(), text_ends.size());
        std::memcpy(items_->values.as<char>() + item_bytes_, all.data(), all.size());
        std::int32_t* const to = items_->offsets.as<std::int32_t>() + item_count_ + 1;
        const auto before = static_cast<std::int32_t>(item_bytes_);
        for (std::size_t i = 0; i < text_ends.size(); ++i) to[i] = before + text_ends[i];
        item_bytes_ += all.size();
        item_count_ += text_ends.size();
        touch(row);
        put_end(item_count_);
    }
    // Names of a plan, which have `most` bytes together at most. They are ASCII, and can be copied without a branch on their length.
    void put_names(std::size_t row, const cdc::field_list& names, std::size_t most) {
        start_items(row, most, names.size());
        char* to = items_->values.as<char>() + item_bytes_;
        std::int32_t* end = items_->offsets.as<std::int32_t>() + item_count_ + 1;
        auto bytes = static_cast<std::int32_t>(item_bytes_);
        for (const std::string_view name : names) {
            static_cast<void>(wire::copy_padded<wire::look_at_text>(to, name));
            to += name.size();
            *end++ = bytes += static_cast<std::int32_t>(name.size());
        }
        item_bytes_ = static_cast<std::size_t>(bytes);
        item_count_ += names.size();
        touch(row);
        put_end(item_count_);
    }

    // ---- many rows -------------------------------------------------------------------------------------------------------
    //
    // At least one value of a field; the first of the rows that are noted is row `first` of the batch. Where each row from the first
    // value to the last has one, as of the header's members, no gap is looked for.

    // Numbers of 4 or 8 bytes: get(value, number) makes one, or returns false where there is none.
    template<class T, class Get>
    [[gnu::always_inline]] inline void put_numbers(std::size_t first, std::span<const noted_value> values,
                                                   const Get get) {
        reserve(first + values.back().row + 1);
        T* const to = memory_->values.as<T>() + first;
        bool all = true;
        for (const noted_value& v : values) all &= get(v, to[v.row]);
        mark(first, values);
        if (all) [[likely]]
            return;
        T unused;
        for (const noted_value& v : values)
            if (!get(v, unused)) unmark(first + v.row);
    }
    template<class Get> void put_booleans(std::size_t first, std::span<const noted_value> values, Get&& get) {
        reserve(first + values.back().row + 1);
        auto* const to = memory_->values.as<std::uint64_t>();
        for (const noted_value& v : values) put_bit(to, first + v.row, get(v));
        mark(first, values);
    }
    // Texts: get(value) gives a readable_text. Whether they are UTF-8 is looked at in the end, for all together.
    template<class Get>
    [[gnu::noinline]] void put_many_texts(std::size_t first, std::span<const noted_value> values, const Get get) {
        reserve(first + values.back().row + 1);
        fill_ends(first + values.front().row);
        const bool all =
            has_gaps(values) ? append_texts<true>(first, values, get) : append_texts<false>(first, values, get);
        unchecked_ = true;
        mark(first, values);
        if (all) [[likely]]
            return;
        for (const noted_value& v : values)
            if (!get(v).is_there) unmark(first + v.row);
    }

    // Lists of one text that is ASCII, as record ids are: get(value) gives it, or what is not there where the list is another one.
    // Returns how many were put: the values in front of the first that is not so, or comes after a gap.
    template<class Get>
    std::size_t put_single_texts(std::size_t first, std::span<const noted_value> values, const Get get) {
        const std::size_t row = first + values.front().row;
        start_items(row, text_stride * values.size(), values.size());
        reserve(first + values.back().row + 1);
        char* data = items_->values.as<char>();
        std::int32_t* const item_ends = items_->offsets.as<std::int32_t>() + 1;
        std::int32_t* const to = ends() + row;
        std::size_t used = item_bytes_, count = item_count_, n = 0;
        for (; n < values.size() && first + values[n].row == row + n; ++n) {
            const readable_text t = get(values[n]);
            if (!t.is_there || t.text.size() > text_stride || t.readable < text_stride
                || !wire::copy_padded<wire::look_at_text>(data + used, t.text))
                break;
            used += t.text.size();
            item_ends[count++] = static_cast<std::int32_t>(used);
            to[n] = static_cast<std::int32_t>(count);
        }
        item_bytes_ = used;
        item_count_ = count;
        ends_ = row + n;
        mark(first, values.first(n));
        return n;
    }

    // ---- the end ---------------------------------------------------------------------------------------------------------

    bool is_touched() const noexcept { return rows_ != 0; }
    // Describes the array of `rows` rows in `memory`, which has zeros_for(rows) bytes of zeros.
    void describe(batch_memory& memory, std::size_t column, std::size_t rows) {
        if (is_touched()) {
            reserve(rows);
            fill_ends(rows);
            if (unchecked_ && !are_utf8()) mend(rows);
        }
        const auto length = static_cast<std::int64_t>(rows);
        const std::int64_t nulls = never_null_ ? 0 : length - static_cast<std::int64_t>(values_);
        const void* const zeros = memory.zeros();
        const auto data = [&](const arrow_buffer& b) {
            return is_touched() && b.data() != nullptr ? b.data() : zeros;
        };
        const void* const validity = nulls == 0 ? nullptr : data(memory_->validity);
        if (type_ == column_type::string_array) {
            memory.describe(column, length, nulls, {validity, data(memory_->offsets)});
            const bool any = item_count_ != 0;
            memory.describe_items(
                column, static_cast<std::int64_t>(item_count_),
                {nullptr, any ? items_->offsets.data() : zeros, any ? items_->values.data() : zeros});
        } else if (has_ends()) {
            memory.describe(column, length, nulls, {validity, data(memory_->offsets), data(memory_->values)});
        } else {
            memory.describe(column, length, nulls, {validity, data(memory_->values)});
        }
    }
    // How many bytes of zeros stand for the longest buffer of a column of nulls.
    static std::size_t zeros_for(std::size_t rows) noexcept { return 16 * rows + 64; }

  private:
    bool has_ends() const noexcept {
        return type_ == column_type::string || type_ == column_type::binary || type_ == column_type::string_array;
    }
    std::size_t bits_per_value() const noexcept {
        switch (type_) {
        case column_type::boolean: return 1;
        case column_type::integer:
        case column_type::date: return 32;
        case column_type::decimal: return 128;
        default: return 64;
        }
    }
    std::int32_t* ends() noexcept { return memory_->offsets.as<std::int32_t>() + 1; }

    template<class F> [[gnu::always_inline]] static inline void for_each_bit(std::uint64_t bits, F&& f) {
        for (; bits != 0; bits &= bits - 1) f(static_cast<unsigned>(std::countr_zero(bits)));
    }

    // Room for so many rows, which are nulls until something is put.
    void reserve(std::size_t rows) {
        if (rows > rows_) [[unlikely]]
            grow(rows);
    }
    [[gnu::noinline]] void grow(std::size_t rows) {
        const std::size_t before = rows_;
        rows_ = (std::max({rows, room_, before + before / 2}) + 63) / 64 * 64; // whole words
        if (before == 0) erase();
        grow(memory_->validity, rows_ / 8);
        if (!has_ends()) return grow(memory_->values, rows_ * bits_per_value() / 8);
        memory_->offsets.reserve(4 * (rows_ + 1 + ends_together), 4 * (before + 1));
        ends()[-1] = 0;
    }
    // What is new is zeros.
    static void grow(arrow_buffer& buffer, std::size_t bytes) {
        const std::size_t before = buffer.capacity();
        buffer.reserve(bytes, before);
        std::memset(buffer.as<char>() + before, 0, buffer.capacity() - before);
    }
    // Takes a former batch out of the memory: of its values those that the validity names, for all others are zeros.
    void erase() noexcept {
        auto* const validity = memory_->validity.as<std::uint64_t>();
        const std::size_t width = bits_per_value() / 8; // of a boolean 0
        for (std::size_t word = 0; word < memory_->validity.capacity() / 8; ++word) {
            if (validity[word] == 0) continue;
            // Lists and empty texts may have no memory for values, and a null pointer must not be moved.
            char* const values = has_ends() ? nullptr : memory_->values.as<char>() + 64 * word * width;
            if (has_ends())
                ; // their bytes are written anew
            else if (width == 0)
                memory_->values.as<std::uint64_t>()[word] = 0;
            else if (has_many(validity[word]))
                std::memset(values, 0, 64 * width);
            else
                for_each_bit(validity[word], [&](unsigned n) { std::memset(values + n * width, 0, width); });
            validity[word] = 0;
        }
    }

    // Whether a row between the first value and the last has none.
    static bool has_gaps(std::span<const noted_value> values) noexcept {
        return values.back().row - values.front().row + 1 != values.size();
    }
    // The values' rows are not null.
    void mark(std::size_t first, std::span<const noted_value> values) noexcept {
        if (values.empty()) return;
        auto* const validity = memory_->validity.as<std::uint64_t>();
        values_ += values.size();
        if (has_gaps(values)) {
            for (const noted_value& v : values) put_bit(validity, first + v.row, true);
            return;
        }
        for (std::size_t row = first + values.front().row, end = row + values.size(); row < end;) {
            const std::size_t bits = std::min(64 - row % 64, end - row);
            validity[row / 64] |= ~std::uint64_t{0} >> (64 - bits) << row % 64;
            row += bits;
        }
    }
    // A row that was marked is null.
    void unmark(std::size_t row) noexcept {
        memory_->validity.as<std::uint64_t>()[row / 64] &= ~(std::uint64_t{1} << row % 64);
        --values_;
    }
    // Returns whether all of the texts are there.
    template<bool HasGaps, class Get>
    [[gnu::always_inline]] inline bool append_texts(std::size_t first, std::span<const noted_value> values,
                                                    const Get& get) {
        // Copies of members: what is written as characters might be any member otherwise.
        char* data = memory_->values.as<char>();
        std::size_t room = memory_->values.capacity(), used = bytes_, filled = ends_;
        std::int32_t* const to = ends();
        bool continues = continues_, all = true;
        for (const noted_value& v : values) {
            if constexpr (HasGaps) {
                write_ends(to, filled, first + v.row, used);
                filled = first + v.row;
            }
            const readable_text t = get(v);
            const std::size_t end = used + t.text.size();
            if (end + text_stride > room) [[unlikely]] {
                memory_->values.reserve(end + text_stride, used);
                data = memory_->values.as<char>();
                room = memory_->values.capacity();
            }
            copy_by_strides(data + used, t);
            continues |= static_cast<signed char>(data[used]) < -64 && end != used;
            used = end;
            to[filled++] = static_cast<std::int32_t>(used);
            all &= t.is_there;
        }
        bytes_ = used;
        ends_ = filled;
        continues_ = continues;
        return all;
    }

    static void put_bit(std::uint64_t* words, std::size_t at, bool bit) noexcept {
        words[at / 64] |= std::uint64_t{bit} << at % 64;
    }
    // A row has a value.
    void touch(std::size_t row) {
        reserve(row + 1);
        put_bit(memory_->validity.as<std::uint64_t>(), row, true);
        ++values_;
    }
    // The rows from the last one that has an end up to this one are empty.
    void fill_ends(std::size_t row) noexcept {
        if (!has_ends() || ends_ >= row) return;
        write_ends(ends(), ends_, row, static_cast<std::size_t>(ends()[static_cast<std::ptrdiff_t>(ends_) - 1]));
        ends_ = row;
    }
    void put_end(std::size_t end) noexcept { ends()[ends_++] = static_cast<std::int32_t>(end); }
    // Room for the items of a row that is next.
    void start_items(std::size_t row, std::size_t bytes, std::size_t count) {
        reserve(row + 1);
        fill_ends(row);
        items_->values.reserve(item_bytes_ + bytes + wire::padded_room, item_bytes_);
        items_->offsets.reserve(4 * (item_count_ + count + 1), 4 * (item_count_ + 1));
        items_->offsets.as<std::int32_t>()[0] = 0;
    }

    // Whether a block has more than a few values, so that what is done for each row of it pays. A count of the bits would be a
    // call where the processor may lack the instruction.
    static bool has_many(std::uint64_t valid) noexcept {
        for (int few = 7; few > 0; --few) valid &= valid - 1;
        return valid != 0;
    }
    // Whether all texts are UTF-8. Texts that lie one behind the other are each exactly if all together are, and none of them
    // begins with a byte that continues a character.
    bool are_utf8() noexcept {
        const std::string_view together(memory_->values.as<char>(), bytes_);
        const std::size_t ascii = wire::find_not_ascii(together);
        return ascii == bytes_ || (!continues_ && wire::is_utf8(together.substr(ascii)));
    }
    // Each text with what is not UTF-8 replaced.
    [[gnu::noinline]] void mend(std::size_t rows) {
        const std::string all(memory_->values.as<char>(), bytes_);
        std::size_t begin = bytes_ = 0;
        for (std::size_t row = 0; row < rows; ++row) {
            const auto end = static_cast<std::size_t>(ends()[row]);
            bytes_ = append_text(memory_->values, bytes_, std::string_view(all).substr(begin, end - begin));
            ends()[row] = static_cast<std::int32_t>(bytes_);
            begin = end;
        }
    }
    std::size_t append_text(arrow_buffer& to, std::size_t used, std::string_view text) {
        to.reserve(used + text.size() + wire::padded_room, used);
        const auto seen = wire::copy_looking<wire::look_at_text>(to.as<char>() + used, text);
        if (!seen.ascii() && !wire::is_utf8(text)) [[unlikely]]
            return append_mended(to, used, text);
        return used + text.size();
    }
    [[gnu::noinline]] std::size_t append_mended(arrow_buffer& to, std::size_t used, std::string_view text) {
        std::string mended;
        replaced_ += wire::append_utf8(mended, text);
        to.reserve(used + mended.size() + wire::padded_room, used);
        std::memcpy(to.as<char>() + used, mended.data(), mended.size());
        return used + mended.size();
    }

    column_type type_ = column_type::string;
    bool never_null_ = false;
    std::size_t room_ = 0;
    array_memory *memory_ = nullptr, *items_ = nullptr;
    std::size_t rows_ = 0;   // that there is room for
    std::size_t ends_ = 0;   // rows of variable length that have their end
    std::size_t values_ = 0; // rows that are not null
    std::size_t bytes_ = 0, item_bytes_ = 0, item_count_ = 0;
    bool unchecked_ = false; // texts were put that may not be UTF-8,
    bool continues_ = false; // and one of them begins with a byte that continues a character
    std::uint32_t replaced_ = 0;
};

} // namespace sfcdc::inline v0::row::detail
