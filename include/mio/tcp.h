/* SPDX-License-Identifier: MIT */
/* TCP sockets.  See mio_tcp(3). */

#ifndef MIO_TCP_H
#define MIO_TCP_H

#include <stdbool.h>
#include <sys/socket.h>
#include <mio/source.h>
#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * `addr` is of AF_INET or AF_INET6.  Errors: EAFNOSUPPORT another family;
 * EINVAL a wrong length, NULL; those of socket(2), bind(2), listen(2),
 * connect(2).  `listener` and `stream` are filled on success only.
 */

/* Binds with SO_REUSEADDR and listens; backlog 128. */
MIO_API int mio_tcp_listen(struct mio_source *listener,
    const struct sockaddr *addr, socklen_t addrlen);
/*
 * Starts to connect.  Register for MIO_WRITABLE and ask
 * mio_source_connect_result at its event.
 */
MIO_API int mio_tcp_connect(struct mio_source *stream,
    const struct sockaddr *addr, socklen_t addrlen);

/* TCP_NODELAY.  Any thread. */
MIO_API int mio_tcp_nodelay(const struct mio_source *stream, bool *on);
MIO_API int mio_tcp_set_nodelay(const struct mio_source *stream, bool on);

MIO_END_DECLS

#endif
