// diffFields: of a long text that changed a little, Salesforce sends a unified diff in place of the new value. apply_diff()
// makes the new text out of the old one and the diff, and checks it against the SHA-256 that the diff brings along.
//
// A diff does not say how the lines of the texts end, and texts differ in it: one that was saved in a browser has CR LF,
// one that an API set has LF, and some have CR. So the new text is made in the few ways that are sensible, and the hash
// says which one is right.
// Source: Change Data Capture Developer Guide, "Data Differences in Event Fields", "How to Reconstruct a Field from Its Diff
// Value" and "Considerations for Newline Characters and Computing the SHA-256 Hash".
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sfcdc/error.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/digest.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::inline v0::cdc {

namespace detail {

// Where lines end, in the old text and in the diff. It depends on what made the diff whether a CR without LF ends a line.
enum class line_breaks : std::uint8_t {
    any,     // CR LF, LF or CR
    with_lf, // CR LF or LF; a CR elsewhere is a character of its line
};

struct line {
    std::string_view text;
    std::string_view end; // the break behind it; empty, or (with_lf) a CR, where the last line has none
};

// Cuts a text into lines, one at a time. A text that ends with a break has no empty line behind it.
class line_reader {
  public:
    line_reader(std::string_view text, line_breaks breaks) noexcept : rest_(text), breaks_(breaks) {}

    bool done() const noexcept { return rest_.empty(); }
    std::string_view rest() const noexcept { return rest_; }
    // Behind the last line it gives an empty one without an end.
    line next() noexcept {
        const bool any = breaks_ == line_breaks::any;
        std::size_t size = 0;
        while (size != rest_.size() && rest_[size] != '\n' && !(any && rest_[size] == '\r')) ++size;
        std::size_t behind = size == rest_.size() ? size : size + 1;
        if (any && rest_.substr(size, 2) == "\r\n") ++behind;
        if (!any && size != 0 && rest_[size - 1] == '\r') --size;
        const line out{rest_.substr(0, size), rest_.substr(size, behind - size)};
        rest_.remove_prefix(behind);
        return out;
    }

  private:
    std::string_view rest_;
    line_breaks breaks_;
};

// The break that most lines of the text end with; LF when none ends with any.
inline std::string_view prevailing_end(std::string_view text, line_breaks breaks) noexcept {
    constexpr std::array<std::string_view, 3> ends = {"\n", "\r\n", "\r"};
    std::array<std::size_t, 3> counts{};
    for (line_reader lines(text, breaks); !lines.done();) {
        const std::string_view end = lines.next().end;
        for (std::size_t i = 0; i < ends.size(); ++i) counts[i] += end == ends[i] ? 1 : 0;
    }
    std::size_t most = 0;
    for (std::size_t i = 1; i < ends.size(); ++i)
        if (counts[i] > counts[most]) most = i;
    return ends[most];
}

// How the lines of the new text end. Kept lines keep their own ends, but with `all_usual`.
enum class line_ends : std::uint8_t {
    as_replaced, // an added line ends as the line that it replaces, else as the one in front of it
    as_in_diff, // an added line ends as in the diff: the texts were cut at LF, and a CR in front of it is still there
    usual,      // an added line has the usual end
    all_usual,  // every line has the usual end
};

// Makes the new text in one of these ways, in one pass over the old text and the hunks. Memory is what the text needs.
class patcher {
  public:
    // `usual_end` is also that of a line which has none, when another one comes behind it.
    patcher(std::string_view old_text, line_breaks breaks, line_ends ends, std::string_view usual_end) noexcept
        : old_(old_text, breaks), breaks_(breaks), ends_(ends), usual_end_(usual_end), replaced_(old_) {}

    // To be called once. An error's offset counts from the start of `hunks`.
    error apply(std::string_view hunks) {
        bool in_hunk = false;
        for (line_reader lines(hunks, breaks_); !lines.done();) {
            const auto offset = static_cast<std::uint32_t>(hunks.size() - lines.rest().size());
            const line l = lines.next();
            errc bad = errc::diff_syntax;
            if (l.text.starts_with("@@ -"))
                bad = begin_hunk(l.text), in_hunk = true;
            else if (in_hunk)
                bad = take(l);
            if (bad != errc::none) return {bad, offset};
        }
        while (!old_.done()) keep(next_old());
        return {};
    }
    // The text without a break behind its last line, and that break.
    std::string& text() noexcept { return text_; }
    std::string_view last_end() const noexcept { return whole(last_end_); }

  private:
    // Goes on to the line of the old text where a hunk begins: @@ -FIRST[,COUNT] +FIRST[,COUNT] @@. What else the counts
    // say is not looked at, since each line of a hunk says itself which text it belongs to.
    errc begin_hunk(std::string_view head) {
        const char *at = head.data() + 4, *const end = head.data() + head.size();
        const auto number = [&](std::uint64_t& n) {
            const auto [behind, bad] = std::from_chars(at, end, n);
            at = behind;
            return bad == std::errc();
        };
        const auto skip = [&](std::string_view text) {
            const bool there = std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(text);
            if (there) at += text.size();
            return there;
        };
        std::uint64_t first = 0, count = 1, new_first = 0;
        if (!number(first) || (skip(",") && !number(count)) || !skip(" +") || !number(new_first))
            return errc::diff_syntax;
        if (first == 0 && count != 0) return errc::diff_syntax;
        // A hunk with lines of the old text names the first of them. One without names the line that it stands behind
        // (GNU diff) or in front of (java-diff-utils); which one, the line number in the new text says.
        const std::uint64_t in_front = count == 0 ? first : first - 1;
        if (in_front < old_lines_) return errc::diff_does_not_apply; // it overlaps the hunk before
        while (old_lines_ != in_front) {
            if (count == 0 && old_lines_ + 1 == in_front && new_lines_ + 1 == new_first) break;
            if (!has_old()) return errc::diff_does_not_apply;
            keep(next_old());
        }
        return errc::none;
    }

    // One line of a hunk.
    errc take(const line& l) {
        const char kind = l.text.empty() ? ' ' : l.text[0]; // an empty kept line may have lost its space
        const line content{l.text.empty() ? l.text : l.text.substr(1), l.end};
        if (kind == '\\') return errc::none; // "\ No newline at end of file"
        if (kind == '+') return add(content), errc::none;
        if (kind != ' ' && kind != '-') return errc::diff_syntax;
        if (!has_old()) return errc::diff_does_not_apply;
        const line_reader before = old_;
        const line old = next_old();
        if (old.text != content.text) return errc::diff_does_not_apply;
        if (kind == ' ') return keep(old), errc::none;
        if (not_replaced_++ == 0) replaced_ = before;
        return errc::none;
    }

    // Some see one more line, an empty one, behind a break at the end, and in an empty text; here only a hunk sees it.
    bool has_old() const noexcept { return !old_.done() || old_lines_ == 0 || !last_old_.end.empty(); }
    line next_old() noexcept {
        ++old_lines_;
        return last_old_ = old_.next();
    }
    void keep(const line& old) {
        not_replaced_ = 0;
        put(old.text, ends_ == line_ends::all_usual ? usual_end_ : old.end);
    }
    void add(const line& content) {
        std::string_view end = usual_end_;
        if (ends_ == line_ends::as_in_diff) {
            end = content.end;
        } else if (ends_ == line_ends::as_replaced) {
            if (not_replaced_ != 0)
                --not_replaced_, end = replaced_.next().end;
            else if (old_lines_ != 0)
                end = last_old_.end;
            else if (!old_.done())
                end = line_reader(old_).next().end;
        }
        put(content.text, end);
    }
    void put(std::string_view text, std::string_view end) {
        if (new_lines_++ != 0) text_.append(whole(last_end_));
        text_.append(text);
        last_end_ = end;
    }
    // The end as a whole break. Where lines end with LF, a CR at the end of the text is the half of one.
    std::string_view whole(std::string_view end) const noexcept {
        if (breaks_ == line_breaks::with_lf && end == "\r") return "\r\n";
        return end.empty() ? usual_end_ : end;
    }

    line_reader old_;
    line_breaks breaks_;
    line_ends ends_;
    std::string_view usual_end_;
    std::uint64_t old_lines_ = 0, new_lines_ = 0; // how many lines were read, and written
    line last_old_;
    line_reader replaced_; // before the removed lines that no added line has replaced yet; so many are left
    std::uint64_t not_replaced_ = 0;
    std::string text_;
    std::string_view last_end_;
};

} // namespace detail

// Makes the new text of a field in event::diff_fields(). `old_text` is the whole text that the field had before the
// event, and `diff` is the field's value in the event, of this form:
//
//     ---
//     +++ HASH             SHA-256 of the whole new text, 64 hexadecimal digits
//     @@ -2,1 +2,1 @@      lines count from 1; a hunk for each place
//     -the line as it was
//     +the line as it is
//
// Whatever ends the diff's lines (LF, CR LF, CR), a line that is kept keeps its own line break, and the text that is
// returned has the hash that the diff gives. Time and memory are linear in the input, and at most 24 texts are hashed.
//
// Errors, with the byte in `diff`: diff_syntax, where it is no such diff, diff_does_not_apply, where it is for another
// old text, and diff_wrong_hash, at the hash.
inline result<std::string> apply_diff(std::string_view old_text, std::string_view diff) {
    using enum detail::line_ends;
    detail::line_reader head(diff, detail::line_breaks::any);
    const auto offset = [&] { return static_cast<std::uint32_t>(diff.size() - head.rest().size()); };
    if (head.done() || !head.next().text.starts_with("---")) return {{}, {errc::diff_syntax, 0}};
    const std::uint32_t second = offset();
    const std::string_view name = head.done() ? std::string_view() : head.next().text;
    if (!name.starts_with("+++ ")) return {{}, {errc::diff_syntax, second}};
    const auto [hash, bad_hash] = wire::from_hex(name.substr(4));
    if (bad_hash || hash.size() != 32) return {{}, {errc::diff_syntax, second + 4}};

    error worst;
    for (const detail::line_breaks breaks : {detail::line_breaks::any, detail::line_breaks::with_lf}) {
        const std::string_view prevailing = detail::prevailing_end(old_text, breaks);
        const std::pair<detail::line_ends, std::string_view> ways[] = {{as_replaced, prevailing}, {as_in_diff, "\n"},
                                                                       {usual, prevailing},       {all_usual, "\n"},
                                                                       {all_usual, "\r\n"},       {all_usual, "\r"}};
        for (const auto& [ends, usual_end] : ways) {
            detail::patcher patched(old_text, breaks, ends, usual_end);
            error bad = patched.apply(head.rest());
            bad.offset += offset();
            if (!bad) {
                std::string& text = patched.text();
                if (wire::as_chars(wire::sha256(text)) == hash) return {std::move(text), {}};
                text.append(patched.last_end());
                if (wire::as_chars(wire::sha256(text)) == hash) return {std::move(text), {}};
                bad = {errc::diff_wrong_hash, second + 4};
            }
            if (bad.code > worst.code) worst = bad;       // that of the reading which came furthest explains most
            if (bad.code != errc::diff_wrong_hash) break; // the other ways read the same hunks
        }
    }
    return {{}, worst};
}

} // namespace sfcdc::inline v0::cdc
