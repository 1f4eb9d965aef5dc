#pragma once
#include <zlib.h>

// inflateInit2 and deflateInit2 are macros, which Swift cannot call.

/// A gzip member: header and trailer (CRC-32, ISIZE) are checked by zlib.
static inline int czlib_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// A zip member: raw deflate data without header or trailer.
static inline int czlib_inflate_init_raw(z_stream *stream) { return inflateInit2(stream, -15); }

/// Writes a gzip member; its header carries no time and no name, so equal input gives equal bytes.
static inline int czlib_deflate_init_gzip(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
