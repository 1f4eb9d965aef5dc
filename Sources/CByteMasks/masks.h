#pragma once
#include <stdint.h>
#include <string.h>

// Comparisons that are answered by words of 64 bits, which Swift's vectors cannot give without a detour.
//
// 64 bytes at a time: bit i is the answer for p[i].

#if defined(__SSE2__)

typedef char cbm_v16 __attribute__((vector_size(16)));

static inline cbm_v16 cbm_load(const uint8_t *p) {
  cbm_v16 v;
  memcpy(&v, p, 16);
  return v;
}

static inline uint64_t cbm_word(cbm_v16 a, cbm_v16 b, cbm_v16 c, cbm_v16 d) {
  return (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128(a) | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128(b) << 16
      | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128(c) << 32
      | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128(d) << 48;
}

/// The bytes that equal `byte`.
static inline uint64_t cbm_equal(const uint8_t *p, uint8_t byte) {
  char c = (char)byte;
  cbm_v16 b = {c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c};
  return cbm_word((cbm_v16)(cbm_load(p) == b), (cbm_v16)(cbm_load(p + 16) == b), (cbm_v16)(cbm_load(p + 32) == b),
      (cbm_v16)(cbm_load(p + 48) == b));
}

/// The bytes from 0x80 on.
static inline uint64_t cbm_high(const uint8_t *p) {
  return cbm_word(cbm_load(p), cbm_load(p + 16), cbm_load(p + 32), cbm_load(p + 48));
}

#else

static inline uint64_t cbm_gather(uint64_t highs) { return (highs >> 7) * 0x0102040810204080u >> 56; }

static inline uint64_t cbm_load8(const uint8_t *p) {
  uint64_t w;
  memcpy(&w, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  w = __builtin_bswap64(w);
#endif
  return w;
}

static inline uint64_t cbm_equal(const uint8_t *p, uint8_t byte) {
  const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
  uint64_t pattern = byte * 0x0101010101010101u, out = 0;
  for (int i = 0; i < 8; i++) {
    uint64_t x = cbm_load8(p + 8 * i) ^ pattern;
    out |= cbm_gather(~(((x & low) + low) | x | low)) << (8 * i);
  }
  return out;
}

static inline uint64_t cbm_high(const uint8_t *p) {
  uint64_t out = 0;
  for (int i = 0; i < 8; i++) out |= cbm_gather(cbm_load8(p + 8 * i) & 0x8080808080808080u) << (8 * i);
  return out;
}

#endif

// The same of many words at once, what a text of fields is made of: out[4 * i + k] is the word i of line feeds, of
// delimiters, of enclosures, of blanks (either of two bytes). Worth a function of its own because processors with wider
// vectors do it in half the instructions.

static inline void cbm_marks_plain(const uint8_t *p, long words, uint8_t delimiter, uint8_t enclosure, uint8_t blank,
    uint8_t otherBlank, uint64_t *out) {
  for (long i = 0; i < words; i++) {
    out[4 * i] = cbm_equal(p + 64 * i, 0x0A);
    out[4 * i + 1] = cbm_equal(p + 64 * i, delimiter);
    out[4 * i + 2] = cbm_equal(p + 64 * i, enclosure);
    out[4 * i + 3] = cbm_equal(p + 64 * i, blank) | cbm_equal(p + 64 * i, otherBlank);
  }
}

// Fields one after the other of which `ends[i]` is the byte behind field i and one before the next; the first begins at
// `start`. Of each as many bytes as `margin` says are left away at either end.

static inline void cbm_spans_plain(
    const int32_t *ends, long count, int32_t start, int32_t margin, int32_t *starts, int32_t *lengths) {
  for (long i = 0; i < count; i++) {
    const int32_t from = (i == 0 ? start : ends[i - 1] + 1) + margin;
    starts[i] = from;
    lengths[i] = ends[i] - margin - from;
  }
}

// Where fields and lines of a text end, of words as `cbm_marks_*` gives them. A mark is a delimiter outside enclosures
// or a line feed; a line feed ends every enclosure.

typedef struct {
  /// Of the line feed.
  int32_t end;
  /// Marks up to and with the line's end, and enclosure bytes before it, of the whole text.
  int32_t marks, enclosures;
} cbm_line;

/// What is carried from word to word.
typedef struct {
  /// All ones within an enclosure.
  uint64_t within;
  /// Whether the byte before is a mark, an enclosure, a blank: 1 or 0. A text begins behind a mark.
  uint64_t behindMark, behindEnclosure, behindBlank;
  /// Not 0: a mark or an enclosure has a blank beside it; a delimiter has no enclosure on one side, or a line feed none
  /// behind it.
  uint64_t touching, open;
  int32_t marks, enclosures, lines;
} cbm_scan;

/// Bits from an opening enclosure up to before the closing one, `carry` being all ones if the word begins inside.
static inline uint64_t cbm_inside(uint64_t quotes, uint64_t carry) {
  quotes ^= quotes << 1;
  quotes ^= quotes << 2;
  quotes ^= quotes << 4;
  quotes ^= quotes << 8;
  quotes ^= quotes << 16;
  quotes ^= quotes << 32;
  return quotes ^ carry;
}

/// Writes down where the lowest bit stands, and leaves the others.
__attribute__((always_inline)) static inline uint64_t cbm_put(uint64_t bits, int32_t base, int32_t *put) {
  *put = base + (bits != 0 ? (int32_t)__builtin_ctzll(bits) : 64);
  return bits & (bits - 1);
}

// `valid` are the bytes of the last word that belong to the text. Up to 7 marks more than there are may be written, and
// at most 64 lines a word.
__attribute__((always_inline)) static inline void cbm_scan_words(const uint64_t *words, long count, uint64_t valid, int32_t base,
    cbm_scan *state, int32_t *marks, cbm_line *lines) {
  cbm_scan s = *state;
  for (long i = 0; i < count; i++, words += 4, base += 64) {
    const uint64_t own = i + 1 == count ? valid : ~0ull;
    const uint64_t feeds = words[0] & own, quotes = words[2] & own, blanks = words[3] & own;
    uint64_t found = words[1] & own;
    if ((quotes | s.within) != 0) {
      // What is behind a line feed within an enclosure is worked out anew.
      uint64_t inside = cbm_inside(quotes, s.within), torn = inside & feeds;
      while (torn != 0) {
        const uint64_t behind = ~1ull << __builtin_ctzll(torn);
        inside = (inside & ~behind) | (cbm_inside(quotes & behind, 0) & behind);
        torn = inside & feeds & behind;
      }
      found &= ~inside;
      // The last byte of the word may itself be the line feed.
      s.within = feeds >> 63 != 0 ? 0 : 0 - (inside >> 63);
    }
    const uint64_t behindEnclosure = quotes << 1 | s.behindEnclosure;
    s.open |= found & ~behindEnclosure;
    found |= feeds;
    const uint64_t behindMark = found << 1 | s.behindMark;
    s.open |= behindMark & ~quotes & own;
    s.touching |= ((found | quotes) & (blanks << 1 | s.behindBlank)) | ((behindMark | behindEnclosure) & blanks);
    s.behindMark = found >> 63;
    s.behindEnclosure = quotes >> 63;
    s.behindBlank = blanks >> 63;
    // Eight at a time, whether there are so many or not: what is written too much is written over. Guessing the end of
    // a loop wrong would cost more.
    const int32_t number = (int32_t)__builtin_popcountll(found);
    int32_t *put = marks + s.marks;
    uint64_t left = found;
    for (int32_t missing = number; missing > 0; missing -= 8, put += 8) {
      left = cbm_put(left, base, put);
      left = cbm_put(left, base, put + 1);
      left = cbm_put(left, base, put + 2);
      left = cbm_put(left, base, put + 3);
      left = cbm_put(left, base, put + 4);
      left = cbm_put(left, base, put + 5);
      left = cbm_put(left, base, put + 6);
      left = cbm_put(left, base, put + 7);
    }
    for (left = feeds; left != 0; left &= left - 1) {
      const uint64_t upTo = left ^ (left - 1);
      cbm_line line = {base + (int32_t)__builtin_ctzll(left), s.marks + (int32_t)__builtin_popcountll(found & upTo),
          s.enclosures + (int32_t)__builtin_popcountll(quotes & upTo)};
      lines[s.lines++] = line;
    }
    s.marks += number;
    if (quotes != 0) s.enclosures += (int32_t)__builtin_popcountll(quotes);
  }
  *state = s;
}

static inline void cbm_scan_plain(const uint64_t *words, long count, uint64_t valid, int32_t base, cbm_scan *state,
    int32_t *marks, cbm_line *lines) {
  cbm_scan_words(words, count, valid, base, state, marks, lines);
}

// Rows of fields, `fields` of them each: row r's field f has lengths[r * fields + f] bytes at p + starts[r * fields +
// f]. Bit f % 64 of word r * words + f / 64, where words is (fields + 63) / 64, says
//   same: the field holds the bytes that it holds in row r - 1; row 0 has nothing before it,
//   filled: it holds any.
// `totals[r]` is the length of all fields of row r.

static inline void cbm_fields_plain(const uint8_t *p, long readable, const int32_t *starts, const int32_t *lengths,
    long rows, long fields, uint64_t *same, uint64_t *filled, int32_t *totals) {
  (void)readable;
  for (long r = 0; r < rows; r++, starts += fields, lengths += fields) {
    int32_t total = 0;
    for (long first = 0; first < fields; first += 64) {
      uint64_t equal = 0, some = 0;
      for (long f = first; f < fields && f < first + 64; f++) {
        int32_t n = lengths[f];
        total += n;
        some |= (uint64_t)(n != 0) << (f - first);
        if (r > 0 && n == lengths[f - fields] && memcmp(p + starts[f], p + starts[f - fields], (size_t)n) == 0) {
          equal |= 1ull << (f - first);
        }
      }
      *same++ = equal;
      *filled++ = some;
    }
    totals[r] = total;
  }
}

#if defined(__x86_64__)

typedef char cbm_v32 __attribute__((vector_size(32)));

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static inline void cbm_scan_wide(const uint64_t *words, long count,
    uint64_t valid, int32_t base, cbm_scan *state, int32_t *marks, cbm_line *lines) {
  cbm_scan_words(words, count, valid, base, state, marks, lines);
}

__attribute__((target("avx2"))) static inline uint64_t cbm_word_wide(cbm_v32 low, cbm_v32 high) {
  return (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256(low) | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256(high) << 32;
}

__attribute__((target("avx2"))) static inline void cbm_marks_wide(const uint8_t *p, long words, uint8_t delimiter,
    uint8_t enclosure, uint8_t blank, uint8_t otherBlank, uint64_t *out) {
  const cbm_v32 feeds = (cbm_v32){} + 0x0A, delimiters = (cbm_v32){} + (char)delimiter;
  const cbm_v32 enclosures = (cbm_v32){} + (char)enclosure;
  const cbm_v32 blanks = (cbm_v32){} + (char)blank, others = (cbm_v32){} + (char)otherBlank;
  for (long i = 0; i < words; i++) {
    cbm_v32 low, high;
    memcpy(&low, p + 64 * i, 32);
    memcpy(&high, p + 64 * i + 32, 32);
    out[4 * i] = cbm_word_wide((cbm_v32)(low == feeds), (cbm_v32)(high == feeds));
    out[4 * i + 1] = cbm_word_wide((cbm_v32)(low == delimiters), (cbm_v32)(high == delimiters));
    out[4 * i + 2] = cbm_word_wide((cbm_v32)(low == enclosures), (cbm_v32)(high == enclosures));
    out[4 * i + 3] = cbm_word_wide(
        (cbm_v32)(low == blanks) | (cbm_v32)(low == others), (cbm_v32)(high == blanks) | (cbm_v32)(high == others));
  }
}

typedef int cbm_i8 __attribute__((vector_size(32)));
typedef int cbm_i4 __attribute__((vector_size(16)));
typedef float cbm_f8 __attribute__((vector_size(32)));

__attribute__((target("avx2"))) static inline cbm_i8 cbm_load_ints(const int32_t *p) {
  cbm_i8 v;
  memcpy(&v, p, 32);
  return v;
}

__attribute__((target("avx2"))) static inline void cbm_spans_wide(
    const int32_t *ends, long count, int32_t start, int32_t margin, int32_t *starts, int32_t *lengths) {
  if (count == 0) return;
  starts[0] = start + margin;
  lengths[0] = ends[0] - margin - starts[0];
  long i = 1;
  for (; i + 8 <= count; i += 8) {
    const cbm_i8 from = cbm_load_ints(ends + i - 1) + (margin + 1), length = cbm_load_ints(ends + i) - margin - from;
    memcpy(starts + i, &from, 32);
    memcpy(lengths + i, &length, 32);
  }
  for (; i < count; i++) {
    starts[i] = ends[i - 1] + 1 + margin;
    lengths[i] = ends[i] - margin - starts[i];
  }
}

/// The top bit of each number: of a comparison, which gives -1 or 0, its answer.
__attribute__((target("avx2"))) static inline uint64_t cbm_bits(cbm_i8 v) {
  return (uint64_t)(uint32_t)__builtin_ia32_movmskps256((cbm_f8)v);
}

// `readable` bytes from `p` on may be read, whichever fields they belong to.
__attribute__((target("avx2,bmi,bmi2"))) static inline void cbm_fields_wide(const uint8_t *p, long readable,
    const int32_t *starts, const int32_t *lengths, long rows, long fields, uint64_t *same, uint64_t *filled,
    int32_t *totals) {
  static const int32_t lastOnes[16] = {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1};
  if (fields < 8) {
    cbm_fields_plain(p, readable, starts, lengths, rows, fields, same, filled, totals);
    return;
  }
  // No field of the row before begins behind it.
  int32_t reachBefore = 0;
  for (long r = 0; r < rows; r++, starts += fields, lengths += fields) {
    const int32_t *before = lengths - (r == 0 ? 0 : fields);
    // First the lengths, eight fields at a time.
    cbm_i8 sums = {}, reach = {};
    uint64_t equal = 0, none = 0;
    for (long f = 0; f < fields; f += 8) {
      const long left = fields - f;
      // The last eight, some of them for the second time.
      const long at = left < 8 ? fields - 8 : f, known = left < 8 ? 8 - left : 0;
      const cbm_i8 now = cbm_load_ints(lengths + at), start = cbm_load_ints(starts + at);
      sums += now & cbm_load_ints(lastOnes + 8 - known);
      reach = __builtin_elementwise_max(reach, start);
      equal |= cbm_bits((cbm_i8)(now == cbm_load_ints(before + at))) >> known << (f & 63);
      none |= cbm_bits((cbm_i8)(now == (cbm_i8){})) >> known << (f & 63);
      if ((f & 63) == 56 || left <= 8) {
        const uint64_t all = left + (f & 63) >= 64 ? ~0ull : (1ull << (left + (f & 63))) - 1;
        same[f / 64] = r == 0 ? 0 : equal;
        filled[f / 64] = all & ~none;
        equal = none = 0;
      }
    }
    const cbm_i4 sum4 = __builtin_shufflevector(sums, sums, 0, 1, 2, 3) + __builtin_shufflevector(sums, sums, 4, 5, 6, 7);
    totals[r] = sum4[0] + sum4[1] + sum4[2] + sum4[3];
    const cbm_i4 low = __builtin_shufflevector(reach, reach, 0, 1, 2, 3);
    const cbm_i4 high = __builtin_shufflevector(reach, reach, 4, 5, 6, 7);
    const cbm_i4 most4 = __builtin_elementwise_max(low, high);
    const int32_t most01 = most4[0] > most4[1] ? most4[0] : most4[1], most23 = most4[2] > most4[3] ? most4[2] : most4[3];
    const int32_t reachNow = most01 > most23 ? most01 : most23;
    const int32_t most = (reachNow > reachBefore ? reachNow : reachBefore) <= readable - 32 ? 32 : -1;
    reachBefore = reachNow;
    // Then the bytes of those that are as long as before.
    for (long first = 0; first < fields; first += 64, same++, filled++) {
      const int32_t *n = lengths + first, *s = starts + first, *t = s - fields;
      uint64_t rest = *same & *filled, result = *same ^ rest;
      while (rest != 0) {
        const long i = __builtin_ctzll(rest);
        rest &= rest - 1;
        uint64_t isEqual;
        if (n[i] <= most) {
          cbm_v32 x, y;
          memcpy(&x, p + s[i], 32);
          memcpy(&y, p + t[i], 32);
          const uint32_t differ = ~(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(x == y));
          isEqual = __builtin_ia32_bzhi_si(differ, (uint32_t)n[i]) == 0;
        } else {
          isEqual = memcmp(p + s[i], p + t[i], (size_t)n[i]) == 0;
        }
        result |= isEqual << i;
      }
      *same = result;
    }
  }
}

/// Whether this processor has the wider vectors.
static inline int cbm_is_wide(void) {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0
      && __builtin_cpu_supports("popcnt") != 0;
}

#else

static inline int cbm_is_wide(void) { return 0; }
static inline void cbm_marks_wide(const uint8_t *p, long words, uint8_t delimiter, uint8_t enclosure, uint8_t blank,
    uint8_t otherBlank, uint64_t *out) {
  cbm_marks_plain(p, words, delimiter, enclosure, blank, otherBlank, out);
}
static inline void cbm_scan_wide(const uint64_t *words, long count, uint64_t valid, int32_t base, cbm_scan *state,
    int32_t *marks, cbm_line *lines) {
  cbm_scan_plain(words, count, valid, base, state, marks, lines);
}
static inline void cbm_spans_wide(
    const int32_t *ends, long count, int32_t start, int32_t margin, int32_t *starts, int32_t *lengths) {
  cbm_spans_plain(ends, count, start, margin, starts, lengths);
}
static inline void cbm_fields_wide(const uint8_t *p, long readable, const int32_t *starts, const int32_t *lengths,
    long rows, long fields, uint64_t *same, uint64_t *filled, int32_t *totals) {
  cbm_fields_plain(p, readable, starts, lengths, rows, fields, same, filled, totals);
}

#endif
