/* What the machine allows: inflates claim files, and with `full` also splits them into fields, reads every date and
   amount and hashes seven texts a line. No check, no rule, nothing kept: a floor under any reader, not a reader.

     cc -O3 -march=native -pthread -o floor floor.c -lz              (with -DWITH_ISAL … -lisal also ISA-L)
     floor inflate|full zlib|isal THREADS FILE...

   Prints lines, bytes after inflating and a checksum of all that was read. Columns are known by the header's names. A
   field may stand in ' (as the wide layout has it); a line with a delimiter inside of one is passed over. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#ifdef WITH_ISAL
#include <isa-l/igzip_lib.h>
#endif
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { IN = 256 << 10, OUT = 1 << 20, FIELDS = 256, HASHES = 7 };
struct file { const char *path; off_t size; };
static struct file *files;
static int file_count, full, use_isal;
static atomic_int next_file;
static atomic_ullong all_lines, all_bytes, all_sums;

struct reader {
  int dates[FIELDS], amounts[FIELDS], texts[HASHES]; /* places of fields */
  int date_count, amount_count, text_count, width, has_header, enclosed;
  uint64_t lines, bytes, sum;
};

static int ends_with(const char *name, int n, const char *end) {
  int m = (int)strlen(end);
  return n >= m && !memcmp(name + n - m, end, m);
}

static void read_header(struct reader *r, const char *p, const char *end) {
  r->width = r->date_count = r->amount_count = r->text_count = 0;
  r->enclosed = p < end && *p == '\'';
  while (p <= end && r->width < FIELDS) {
    const char *q = memchr(p, ',', end - p);
    if (!q) q = end;
    int n = (int)(q - p), place = r->width++;
    const char *name = p;
    if (n >= 2 && *name == '\'') name++, n -= 2;
    if (ends_with(name, n, "time") || ends_with(name, n, "date") || (n == 4 && !memcmp(name, "brdy", 4)))
      r->dates[r->date_count++] = place;
    else if (ends_with(name, n, "amt") || ends_with(name, n, "selfpay") || ends_with(name, n, "_pay") ||
             (n == 3 && !memcmp(name, "cnt", 3)) || (n == 4 && !memcmp(name, "pric", 4)))
      r->amounts[r->amount_count++] = place;
    else if (n > 2 && r->text_count < HASHES) /* rn counts rows */
      r->texts[r->text_count++] = place;
    p = q + 1;
  }
  r->has_header = 1;
}

static inline int64_t read_amount(const char *p, const char *end) {
  int64_t v = 0, sign = 1;
  if (p < end && *p == '-') sign = -1, p++;
  for (; p < end; p++) {
    unsigned d = (unsigned char)*p - '0';
    if (d < 10) v = v * 10 + d;
  }
  return v * sign;
}

static inline int two(const char *p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

static inline int64_t read_date(const char *p, const char *end) {
  if (end - p < 10) return 0;
  int y = two(p) * 100 + two(p + 2), m = two(p + 5), d = two(p + 8);
  y -= m <= 2;
  int64_t era = y / 400;
  unsigned yoe = (unsigned)(y - era * 400), doy = (153u * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  int64_t day = era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
  int64_t seconds = day * 86400;
  if (end - p >= 19) seconds += two(p + 11) * 3600 + two(p + 14) * 60 + two(p + 17);
  return seconds;
}

static inline uint64_t hash(const char *p, const char *end) {
  uint64_t h = 0x9E3779B97F4A7C15ull ^ (uint64_t)(end - p), w = 0;
  if (end - p >= 8) {
    const char *last = end - 8;
    for (; p < last; p += 8) {
      memcpy(&w, p, 8);
      h = (h ^ w) * 0xD6E8FEB86659FD93ull;
    }
    memcpy(&w, last, 8);
  } else {
    /* Bytes behind the field are masked away; the buffer goes on for 64. */
    memcpy(&w, p, 8);
    w &= (1ull << (8 * (end - p))) - 1;
  }
  h = (h ^ w) * 0xD6E8FEB86659FD93ull;
  return h ^ (h >> 29);
}

static inline void read_line(struct reader *r, const char *line, uint32_t *ends, int n, const char *base) {
  if (n != r->width) return;
  uint64_t sum = 0;
  int pad = r->enclosed;
  if (n > 0 && base + ends[n - 1] > line && base[ends[n - 1] - 1] == '\r') ends[n - 1]--;
#define BEGIN(i) ((i) ? base + ends[(i) - 1] + 1 + pad : line + pad)
#define END(i) (base + ends[i] - pad)
  for (int k = 0; k < r->date_count; k++) sum += (uint64_t)read_date(BEGIN(r->dates[k]), END(r->dates[k]));
  for (int k = 0; k < r->amount_count; k++) sum += (uint64_t)read_amount(BEGIN(r->amounts[k]), END(r->amounts[k]));
  for (int k = 0; k < r->text_count; k++) sum += hash(BEGIN(r->texts[k]), END(r->texts[k]));
  r->sum += sum;
  r->lines++;
}

/* Reads the whole lines of a buffer; gives how many bytes they are. 64 readable bytes follow the buffer. */
static size_t read_lines(struct reader *r, const char *base, size_t count) {
  uint32_t ends[FIELDS];
  int n = 0;
  size_t line = 0;
  for (size_t i = 0; i < count; i += 64) {
    uint64_t mask = 0;
#if defined(__AVX2__)
    for (int k = 0; k < 2; k++) {
      __m256i v = _mm256_loadu_si256((const __m256i *)(base + i + 32 * k));
      __m256i hit = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(',')), _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n')));
      mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hit) << (32 * k);
    }
#elif defined(__SSE2__)
    for (int k = 0; k < 4; k++) {
      __m128i v = _mm_loadu_si128((const __m128i *)(base + i + 16 * k));
      __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
      mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * k);
    }
#else
    for (int k = 0; k < 64; k++) mask |= (uint64_t)(base[i + k] == ',' || base[i + k] == '\n') << k;
#endif
    if (count - i < 64) mask &= (1ull << (count - i)) - 1;
    while (mask) {
      size_t at = i + (size_t)__builtin_ctzll(mask);
      mask &= mask - 1;
      if (n < FIELDS) ends[n++] = (uint32_t)at;
      if (base[at] == '\n') {
        if (r->has_header) read_line(r, base + line, ends, n, base);
        else read_header(r, base + line, base + at - (at > line && base[at - 1] == '\r'));
        n = 0;
        line = at + 1;
      }
    }
  }
  return line;
}

static void fail(const char *path, const char *what) {
  fprintf(stderr, "floor: %s: %s\n", path, what);
  exit(2);
}

static void take(struct reader *r, char *out, size_t *kept, size_t made) {
  r->bytes += made;
  if (!full) { *kept = 0; return; }
  size_t have = *kept + made, used = read_lines(r, out, have);
  memmove(out, out + used, have - used);
  *kept = have - used;
  if (*kept == OUT) fail("-", "a line is longer than 1 MiB");
}

static void read_zlib(struct reader *r, const char *path, unsigned char *in, char *out) {
  FILE *f = fopen(path, "rb");
  if (!f) fail(path, "can't be opened");
  z_stream z = {0};
  if (inflateInit2(&z, 15 + 16) != Z_OK) fail(path, "zlib");
  size_t kept = 0;
  int ended = 0;
  while ((z.avail_in = (unsigned)fread(in, 1, IN, f)) > 0) {
    z.next_in = in;
    do {
      if (ended) { inflateReset(&z); ended = 0; }
      z.next_out = (unsigned char *)out + kept;
      z.avail_out = (unsigned)(OUT - kept);
      int code = inflate(&z, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) fail(path, "damaged");
      ended = code == Z_STREAM_END;
      take(r, out, &kept, OUT - kept - z.avail_out);
    } while (z.avail_in > 0 || z.avail_out == 0);
  }
  inflateEnd(&z);
  fclose(f);
  if (!ended) fail(path, "cut short");
}

#ifdef WITH_ISAL
static void read_isal(struct reader *r, const char *path, unsigned char *in, char *out) {
  FILE *f = fopen(path, "rb");
  if (!f) fail(path, "can't be opened");
  static _Thread_local struct inflate_state s;
  isal_inflate_init(&s);
  s.crc_flag = ISAL_GZIP;
  size_t kept = 0, n;
  while ((n = fread(in, 1, IN, f)) > 0) {
    s.next_in = in;
    s.avail_in = (uint32_t)n;
    do {
      if (s.block_state == ISAL_BLOCK_FINISH) {
        if (!s.avail_in) break;
        isal_inflate_reset(&s);
        s.crc_flag = ISAL_GZIP;
      }
      s.next_out = (unsigned char *)out + kept;
      s.avail_out = (uint32_t)(OUT - kept);
      if (isal_inflate(&s) != ISAL_DECOMP_OK) fail(path, "damaged");
      take(r, out, &kept, OUT - kept - s.avail_out);
    } while (s.avail_in > 0 || s.avail_out == 0);
  }
  fclose(f);
  if (s.block_state != ISAL_BLOCK_FINISH) fail(path, "cut short");
}
#endif

static void *work(void *unused) {
  (void)unused;
  unsigned char *in = malloc(IN);
  char *out = malloc(OUT + 64);
  memset(out + OUT, 0, 64);
  struct reader r = {0};
  for (int i; (i = atomic_fetch_add(&next_file, 1)) < file_count;) {
    r.has_header = 0;
#ifdef WITH_ISAL
    if (use_isal) { read_isal(&r, files[i].path, in, out); continue; }
#endif
    read_zlib(&r, files[i].path, in, out);
  }
  atomic_fetch_add(&all_lines, r.lines);
  atomic_fetch_add(&all_bytes, r.bytes);
  atomic_fetch_add(&all_sums, r.sum);
  free(in);
  free(out);
  return NULL;
}

static int by_size(const void *a, const void *b) {
  off_t x = ((const struct file *)a)->size, y = ((const struct file *)b)->size;
  return x < y ? 1 : x > y ? -1 : 0;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: floor inflate|full zlib|isal THREADS FILE...\n");
    return 64;
  }
  full = !strcmp(argv[1], "full");
  use_isal = !strcmp(argv[2], "isal");
#ifndef WITH_ISAL
  if (use_isal) {
    fprintf(stderr, "floor: built without ISA-L\n");
    return 64;
  }
#endif
  int threads = atoi(argv[3]);
  if (threads < 1 || threads > 64) return 64;
  file_count = argc - 4;
  files = calloc((size_t)file_count, sizeof *files);
  for (int i = 0; i < file_count; i++) {
    struct stat s;
    files[i].path = argv[4 + i];
    if (stat(files[i].path, &s)) fail(files[i].path, "is not there");
    files[i].size = s.st_size;
  }
  /* The largest first, or one thread ends long after the other. */
  qsort(files, (size_t)file_count, sizeof *files, by_size);
  pthread_t t[64];
  for (int i = 0; i < threads; i++) pthread_create(&t[i], NULL, work, NULL);
  for (int i = 0; i < threads; i++) pthread_join(t[i], NULL);
  printf("%llu lines, %llu bytes, checksum %016llx\n", (unsigned long long)all_lines, (unsigned long long)all_bytes,
         (unsigned long long)all_sums);
  return 0;
}
