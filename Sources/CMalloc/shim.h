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
