#pragma once
#include <iconv.h>

#include <stddef.h>

/// The last occurrence of a byte; glibc's header hides it behind _GNU_SOURCE.
extern void *memrchr(const void *memory, int byte, size_t count);
