/* SPDX-License-Identifier: MIT */
/* Pipes.  See mio_pipe_new(3). */

#ifndef MIO_PIPE_H
#define MIO_PIPE_H

#include <mio/source.h>
#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * Makes a pipe, both ends non-blocking and close-on-exec.
 * Errors: EINVAL a NULL argument; EMFILE, ENFILE.
 */
MIO_API int mio_pipe_new(
    struct mio_source *receiver, struct mio_source *sender);

MIO_END_DECLS

#endif
