/* SPDX-License-Identifier: MIT */
/* Unix domain sockets.  See mio_unix(3). */

#ifndef MIO_UNIX_H
#define MIO_UNIX_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <mio/source.h>
#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * Makes an address of `len` bytes at `path`: 0 bytes the unnamed one, a
 * leading NUL an abstract name (Linux), else a pathname.  `addr` and
 * `addrlen` are filled on success only.  Errors: EINVAL a NUL inside a
 * pathname, NULL; ENAMETOOLONG; ENOTSUP no abstract names here.  Any thread.
 */
MIO_API int mio_unix_addr(struct sockaddr_un *addr, socklen_t *addrlen,
    const void *path, size_t len);

/*
 * Constructors; they fill their sources on success only.  `path` is a
 * pathname that is not empty.  Errors: EINVAL an empty path, a wrong length,
 * NULL; ENAMETOOLONG; EAFNOSUPPORT an address of another family; those of
 * socket(2), bind(2), listen(2), connect(2), socketpair(2).
 */

MIO_API int mio_unix_listen(struct mio_source *listener, const char *path);
MIO_API int mio_unix_listen_addr(struct mio_source *listener,
    const struct sockaddr_un *addr, socklen_t addrlen);
/* EAGAIN: the listener's backlog is full. */
MIO_API int mio_unix_connect(struct mio_source *stream, const char *path);
MIO_API int mio_unix_connect_addr(struct mio_source *stream,
    const struct sockaddr_un *addr, socklen_t addrlen);
/* Two connected streams. */
MIO_API int mio_unix_pair(struct mio_source *a, struct mio_source *b);
MIO_API int mio_unix_dgram_bind(struct mio_source *socket, const char *path);
MIO_API int mio_unix_dgram_bind_addr(struct mio_source *socket,
    const struct sockaddr_un *addr, socklen_t addrlen);
MIO_API int mio_unix_dgram_unbound(struct mio_source *socket);
/* Two connected datagram sockets. */
MIO_API int mio_unix_dgram_pair(struct mio_source *a, struct mio_source *b);

MIO_END_DECLS

#endif
