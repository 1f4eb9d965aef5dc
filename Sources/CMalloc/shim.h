#pragma once
#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/// Has freed memory kept for the next columns. glibc gives arrays of some hundred kilobytes back to the system and asks
/// for them again, page by page: a unit of claims after another, that costs as much as the work itself. Arrays above
/// 32 MiB still go back. Nothing happens where malloc is not glibc's.
static inline void keep_freed_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

/// Bytes that were freed and are kept; 0 where malloc does not say. Costs by the pieces that they are in.
static inline size_t freed_memory_kept(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  return mallinfo2().fordblks;
#else
  return 0;
#endif
}

/// Gives the system back whatever whole pages are free.
static inline void give_back_freed_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
