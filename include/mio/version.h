/* SPDX-License-Identifier: MIT */
/* Version of the library and the backends in it.  See mio_version(3). */

#ifndef MIO_VERSION_H
#define MIO_VERSION_H

#include <mio/types.h>

#define MIO_VERSION_MAJOR 0
#define MIO_VERSION_MINOR 2
#define MIO_VERSION_PATCH 0
#define MIO_VERSION "0.2.0"

MIO_BEGIN_DECLS

/* The version of the library in use, "x.y.z".  Any thread; never fails. */
MIO_API const char *mio_version(void);

/*
 * The backends of this build, "selector+waker", best first, NULL-ended.
 * Any thread; never fails.
 */
MIO_API const char *const *mio_backends(void);

MIO_END_DECLS

#endif
