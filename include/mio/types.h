/* SPDX-License-Identifier: MIT */
/* What the other headers share.  Include <mio.h> or the area's header. */

#ifndef MIO_TYPES_H
#define MIO_TYPES_H

#include <stdint.h>

/* C++ compilers have warnings for each of C's casts and null pointers. */
#ifdef __cplusplus
#define MIO_BEGIN_DECLS extern "C" {
#define MIO_END_DECLS }
#define MIO_NULL_ nullptr
#define MIO_CAST_(type, pointer)                                             \
	(static_cast<type>(static_cast<const void *>(pointer)))
#else
#define MIO_BEGIN_DECLS
#define MIO_END_DECLS
#define MIO_NULL_ NULL
#define MIO_CAST_(type, pointer) ((type)(const void *)(pointer))
#endif

/*
 * Every public function; the library hides all else.  Where the compiler can,
 * they are called at once, not by way of the linker's table of jumps.
 */
#if defined(__GNUC__) && !defined(_WIN32) && !defined(__CYGWIN__)
#define MIO_API __attribute__((visibility("default") MIO_NOPLT_))
#else
#define MIO_API
#endif
#define MIO_NOPLT_
#ifdef __has_attribute
#if __has_attribute(noplt)
#undef MIO_NOPLT_
#define MIO_NOPLT_ , noplt
#endif
#endif

/* C99 inline: the definition is here, the symbol is in the library. */
#if defined(__GNUC_GNU_INLINE__) && !defined(__cplusplus)
#define MIO_INLINE extern inline
#else
#define MIO_INLINE inline
#endif

/* Chosen by the caller, returned with each event; any value. */
typedef uintptr_t mio_token;

/* What the system calls a descriptor. */
typedef int mio_handle;
#define MIO_INVALID_HANDLE (-1)

struct mio_event;
struct mio_events;
struct mio_poll;
struct mio_registry;
struct mio_source;
struct mio_waker;

#endif
