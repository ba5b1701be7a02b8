// Sixteen bytes at a time. A kernel (a short loop over bytes that decides how fast sfcdc is) is written once, as a template
// over a block type, and compiled for each backend that the target has. Only the headers of this folder ask for which
// machine they are compiled.
//
//   sse2    x86-64; with table lookups, and under the name "ssse3", where the compiler may use SSSE3
//   neon    64-bit Arm, little-endian
//   words   every machine, of either byte order
//
// `simd::block` is the block of the best backend. With SFCDC_SCALAR defined that is `words`, and no intrinsics are
// included; all translation units of a program must agree on it, because the kernels are inline functions.
//
// Every backend has three classes with these members and functions, which are found by their arguments. Bytes are numbered
// 0 to 15 in the order of memory, bits of a result from the lowest; a pair is the bytes 2n and 2n + 1, seen as a 16-bit
// number of which the first byte is the lower one.
//
//   block::load(from), b.store(to)     sixteen bytes, at any alignment
//   block::fill(byte)                  sixteen times this byte; block() is sixteen zeros
//   block::join(first, second)         two words as simd::load_8() gives them
//   block::name, is_vector, has_lookup constants: the backend's name; whether saturating arithmetic takes one instruction;
//                                      whether there is lookup()
//   x | y, x & y, x ^ y                bit by bit
//   x + y, x - y                       byte by byte, modulo 256
//   add_saturated, subtract_saturated  byte by byte, unsigned, with 255 and 0 as the ends
//   smaller, greater                   the smaller or greater byte of two, unsigned
//   equal(x, y), tops(x)               matches: bytes that are equal; bytes whose top bit is set
//   where_equal(x, y, kept)            a byte of `kept`, which must be 0 or 1, where x and y are equal, and 0 elsewhere
//   count_equal(counts, x, y)          counts, plus 1 where x and y are equal
//   shift_pairs_left<N>, _right<N>     each pair as a 16-bit number
//   first_of_pairs(x)                  a word of the first bytes of the eight pairs
//   equal_pairs(x, y)                  pair_matches; bits(p, q) are the sixteen answers of two of them
//   behind<N>(before, x)               for each byte of x the one that is N bytes in front of it, where `before` is the block
//                                      in front of x; N is 1 to 7
//   lookup(table, indexes)             table[index] for each index, which must be below 16
//
//   matches: x | y, x & y, x ^ y       as for truth values; and_not(x, y) is x and not y
//   any(m), first(m)                   whether there is one; the number of the first one, 16 without any
//   bits(m), bits(m, n), bits(m, n, o, p)  16, 32 and 64 answers as the bits of a number
//
//   block::sum: add(x), total()        the sum of all bytes that were added, as unsigned numbers
#pragma once

#include <sfcdc/simd/neon.hpp>
#include <sfcdc/simd/sse2.hpp>
#include <sfcdc/simd/words.hpp>

namespace sfcdc::inline v0::simd {

// The block types that this translation unit can use, the best one first: what a test of a kernel goes through.
template<class... Blocks> struct block_list {};

#if defined(SFCDC_SIMD_SSE2)
namespace best = sse2;
using available_blocks = block_list<sse2::block, words::block>;
#elif defined(SFCDC_SIMD_NEON)
namespace best = neon;
using available_blocks = block_list<neon::block, words::block>;
#else
namespace best = words;
using available_blocks = block_list<words::block>;
#endif

using best::block;

// "ssse3", "sse2", "neon" or "words".
inline constexpr const char* backend_name = block::name;

} // namespace sfcdc::inline v0::simd
