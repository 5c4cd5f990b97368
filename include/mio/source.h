/* SPDX-License-Identifier: MIT */
/* The source: a descriptor and its registration.  See mio_source(3). */

#ifndef MIO_SOURCE_H
#define MIO_SOURCE_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <mio/event.h>
#include <mio/types.h>

/* Owned by the caller, filled by a constructor; may be moved. */
struct mio_source {
	mio_handle handle; /* read it with mio_source_handle */
	uint32_t kind;     /* the library's */
	void *priv[2];     /* the library's */
};

#define MIO_SOURCE_INIT { MIO_INVALID_HANDLE, 0, { MIO_NULL_, MIO_NULL_ } }

MIO_BEGIN_DECLS

/*
 * Calls that take a const source may run on one source from several threads
 * at once; the others need it alone.  No call here raises SIGPIPE on a
 * socket.
 */

/*
 * Takes `fd` over and makes it non-blocking.
 * Errors: EBADF; EINVAL `source` is NULL.  `fd` is then still the caller's.
 */
MIO_API int mio_source_from_fd(struct mio_source *source, mio_handle fd);
/*
 * Gives the descriptor back, deregistered, open, still non-blocking.
 * Errors: EBADF there is none; EINVAL.
 */
MIO_API mio_handle mio_source_into_fd(struct mio_source *source);
/* The descriptor, which stays the source's; MIO_INVALID_HANDLE if none. */
MIO_API mio_handle mio_source_handle(const struct mio_source *source);
/*
 * Closes it; the registration goes with it.
 * Errors: EBADF closed already; EINVAL.
 */
MIO_API int mio_source_close(struct mio_source *source);

/*
 * The system calls of these names.  After EAGAIN an event for that
 * direction is sure to come once the operation can go on.  EINTR is
 * returned as it comes.  Errors: those of the system call; EINVAL `source`
 * is NULL.
 */
MIO_API ssize_t mio_source_read(
    const struct mio_source *source, void *buf, size_t len);
MIO_API ssize_t mio_source_write(
    const struct mio_source *source, const void *buf, size_t len);
MIO_API ssize_t mio_source_readv(
    const struct mio_source *source, const struct iovec *iov, int iovcnt);
MIO_API ssize_t mio_source_writev(
    const struct mio_source *source, const struct iovec *iov, int iovcnt);
MIO_API ssize_t mio_source_recv(
    const struct mio_source *source, void *buf, size_t len, int flags);
MIO_API ssize_t mio_source_send(
    const struct mio_source *source, const void *buf, size_t len, int flags);
/* `addr` may be NULL; `addrlen` is in and out, 0 if there is no sender. */
MIO_API ssize_t mio_source_recvfrom(const struct mio_source *source, void *buf,
    size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen);
MIO_API ssize_t mio_source_sendto(const struct mio_source *source,
    const void *buf, size_t len, int flags, const struct sockaddr *addr,
    socklen_t addrlen);
MIO_API ssize_t mio_source_recvmsg(
    const struct mio_source *source, struct msghdr *msg, int flags);
MIO_API ssize_t mio_source_sendmsg(
    const struct mio_source *source, const struct msghdr *msg, int flags);
/*
 * Calls op(descriptor, arg) once and returns what it returned, errno
 * included; -1 with EAGAIN has the effect described above in `direction`
 * (MIO_READABLE, MIO_WRITABLE or both).  Errors: EINVAL otherwise.
 */
MIO_API ssize_t mio_source_try_io(const struct mio_source *source,
    unsigned direction, ssize_t (*op)(mio_handle fd, void *arg), void *arg);

/* connect(2) as it is, for datagram sockets. */
MIO_API int mio_source_connect(const struct mio_source *socket,
    const struct sockaddr *addr, socklen_t addrlen);
/*
 * How a connect ended: 0 connected.  Errors: EINPROGRESS not yet, wait for
 * the next event; ENOTCONN none was begun or its error was read before;
 * else why it failed.
 */
MIO_API int mio_source_connect_result(const struct mio_source *stream);
/*
 * Takes a connection off the queue; `addr` may be NULL.
 * Errors: those of accept(2); EAGAIN none waits.
 */
MIO_API int mio_source_accept(const struct mio_source *listener,
    struct mio_source *stream, struct sockaddr *addr, socklen_t *addrlen);
/* `how`: SHUT_RD, SHUT_WR, SHUT_RDWR. */
MIO_API int mio_source_shutdown(const struct mio_source *source, int how);
/* Reads and clears the pending error of the socket; 0 if none. */
MIO_API int mio_source_take_error(const struct mio_source *source, int *error);
MIO_API int mio_source_local_addr(const struct mio_source *source,
    struct sockaddr *addr, socklen_t *addrlen);
MIO_API int mio_source_peer_addr(const struct mio_source *source,
    struct sockaddr *addr, socklen_t *addrlen);
/* IP time to live, or unicast hops of IPv6; 1 to 255. */
MIO_API int mio_source_ttl(const struct mio_source *source, unsigned *ttl);
MIO_API int mio_source_set_ttl(const struct mio_source *source, unsigned ttl);

MIO_END_DECLS

#endif
