#pragma once
#include <stdint.h>
#include <string.h>

// Comparisons of 64 bytes at a time as a word of 64 bits, which Swift's vectors cannot give without a detour.
// Bit i is the answer for p[i].

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

// The same of many words at once, three bytes looked for: out[3 * i + k] is the word i of byte k. Worth a function of its
// own because processors with wider vectors do it in half the instructions.

static inline void cbm_three_plain(
    const uint8_t *p, long words, uint8_t a, uint8_t b, uint8_t c, uint64_t *out) {
  for (long i = 0; i < words; i++) {
    out[3 * i] = cbm_equal(p + 64 * i, a);
    out[3 * i + 1] = cbm_equal(p + 64 * i, b);
    out[3 * i + 2] = cbm_equal(p + 64 * i, c);
  }
}

#if defined(__x86_64__)

typedef char cbm_v32 __attribute__((vector_size(32)));

__attribute__((target("avx2"))) static inline void cbm_three_wide(
    const uint8_t *p, long words, uint8_t a, uint8_t b, uint8_t c, uint64_t *out) {
  cbm_v32 va = (cbm_v32){} + (char)a, vb = (cbm_v32){} + (char)b, vc = (cbm_v32){} + (char)c;
  for (long i = 0; i < words; i++) {
    cbm_v32 low, high;
    memcpy(&low, p + 64 * i, 32);
    memcpy(&high, p + 64 * i + 32, 32);
    out[3 * i] = (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(low == va))
        | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(high == va)) << 32;
    out[3 * i + 1] = (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(low == vb))
        | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(high == vb)) << 32;
    out[3 * i + 2] = (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(low == vc))
        | (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256((cbm_v32)(high == vc)) << 32;
  }
}

/// Whether this processor has the wider vectors.
static inline int cbm_is_wide(void) { return __builtin_cpu_supports("avx2") != 0; }

#else

static inline int cbm_is_wide(void) { return 0; }
static inline void cbm_three_wide(
    const uint8_t *p, long words, uint8_t a, uint8_t b, uint8_t c, uint64_t *out) {
  cbm_three_plain(p, words, a, b, c, out);
}

#endif
