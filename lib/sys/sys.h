/* SPDX-License-Identifier: MIT */
/* System calls that differ between systems; the differences stay in sys/. */

#ifndef MIO_SYS_H
#define MIO_SYS_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* Flag for send calls; 0 where the socket carries an option instead. */
#ifdef MSG_NOSIGNAL
#define MIO__NOSIGNAL MSG_NOSIGNAL
#else
#define MIO__NOSIGNAL 0
#endif

/* Whether Unix sockets have names outside the file system. */
#if defined(__linux__) && !defined(MIO_MODEL_BSD)
#define MIO__ABSTRACT_NAMES 1
#else
#define MIO__ABSTRACT_NAMES 0
#endif

/* The longest queue of a Unix listener, as the system takes it; as mio. */
#if defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__) ||    \
    defined(__APPLE__)
#define MIO__UNIX_BACKLOG (-1)
#else
#define MIO__UNIX_BACKLOG SOMAXCONN
#endif

/* How many vectors one call may have; Hurd's limits.h names no limit. */
#ifdef IOV_MAX
#define MIO__IOV_MAX IOV_MAX
#else
#define MIO__IOV_MAX 1024
#endif

/*
 * Whether the kernel tells the length of an address that it had to cut;
 * FreeBSD and NetBSD tell what they wrote.  Whether poll(2) tells a socket
 * that nobody connects from one that still connects: BSD reports neither.
 * Whether fstat(2) has a number of its own for each file: not for BSD's
 * sockets, nor for NetBSD's and OpenBSD's pipes.
 */
#if defined(__linux__) && !defined(MIO_MODEL_BSD)
#define MIO__TELLS_LENGTHS 1
#define MIO__TELLS_UNCONNECTED 1
#define MIO__NUMBERS_FILES 1
#else
#define MIO__TELLS_LENGTHS 0
#define MIO__TELLS_UNCONNECTED 0
#define MIO__NUMBERS_FILES 0
#endif

/* Sets sa_len, where there is one. */
void mio__sys_set_len(void *addr, size_t len);
/* Whether there can be sockets of IPv6. */
bool mio__sys_has_ipv6(void);

/*
 * All descriptors made here are non-blocking, close-on-exec and, sockets,
 * raise no SIGPIPE: at once where the kernel can, else with fcntl, also
 * when the kernel or a sandbox refuses the one-call form at run time.
 */
int mio__sys_socket(int family, int type);
int mio__sys_accept(int fd, struct sockaddr *addr, socklen_t *addrlen);
int mio__sys_pipe(int fds[2]);
int mio__sys_socketpair(int type, int fds[2]); /* AF_UNIX */

/*
 * Kernels differ in what they say of Unix addresses: of a socket without a
 * name nothing (Linux's recvfrom), its family, or zeros (BSD); of a path its
 * length with or without the NUL, or all the room there is (OpenBSD).  After
 * this it is the family alone, and the path without the NUL.  `size` bytes at
 * `addr` are the caller's.
 */
void mio__sys_tidy_unix(
    struct sockaddr *addr, size_t size, socklen_t *addrlen);

/* As the calls, but an address that is cut tells its whole length. */
#if MIO__TELLS_LENGTHS
#define mio__sys_getsockname getsockname
#define mio__sys_getpeername getpeername
#define mio__sys_recvfrom recvfrom
#else
int mio__sys_getsockname(int fd, struct sockaddr *addr, socklen_t *addrlen);
int mio__sys_getpeername(int fd, struct sockaddr *addr, socklen_t *addrlen);
ssize_t mio__sys_recvfrom(int fd, void *buf, size_t len, int flags,
    struct sockaddr *addr, socklen_t *addrlen);
#endif

/*
 * What poll(2) says now of a socket that is neither connected nor failed,
 * asked for POLLOUT: 0 if it still connects.
 */
int mio__sys_connecting(int fd);

/* SO_REUSEADDR, where it does not let others take the address over. */
int mio__sys_reuse_addr(int fd);

/* A descriptor taken over from the caller: what mio_source_from_fd does. */
int mio__sys_adopt(int fd);
/* The family and type of a socket; false if it is none. */
bool mio__sys_is_socket(int fd, int *family, int *type);
/* What the `kind` of a pipe has of its own. */
uint32_t mio__sys_pipe_kind(int fd);
/* For what cannot be read or written at all (O_PATH): -1 and EBADF. */
int mio__sys_does_io(int fd);

/* writev(2) of no bytes on a socket, but without SIGPIPE. */
ssize_t mio__sys_writev_nothing(int fd, const struct iovec *iov, int iovcnt);
/* write(2) and writev(2) on a file of MIO__KIND_QUIET_PIPE. */
ssize_t mio__sys_writev_quiet(int fd, const struct iovec *iov, int iovcnt);

/* What a kernel or sandbox that lacks a newer call answers to it. */
static inline bool
mio__sys_refused(int error)
{
	return error == ENOSYS || error == EPERM || error == EINVAL;
}

int mio__sys_nonblock(int fd);
int mio__sys_cloexec(int fd);
/* close(2) that leaves errno alone. */
void mio__sys_close(int fd);

/*
 * Tells a process from those that it forks, none of which may disturb it.
 * Its number does not do: that of a container's init is 1 inside, whatever
 * its parent's was.  So there is a page that fork(2) clears, too, where the
 * kernel has such; the number tells who shares it (clone(2), CLONE_VM).
 */
struct mio__process {
	pid_t id;
	unsigned char *mark; /* NULL: the number alone */
};
/* Of this process; -1 and ENOMEM. */
int mio__sys_process(struct mio__process *process);
bool mio__sys_process_is_this(const struct mio__process *process);
void mio__sys_process_free(const struct mio__process *process);

/* getenv(3), unless the program runs with another's privileges. */
const char *mio__sys_getenv(const char *name);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t mio__sys_now(void);
/* When a wait of so long ends; INT64_MAX, in 292 years, if not by time. */
int64_t mio__sys_deadline(int64_t timeout_ns);
/* Milliseconds for a timeout above 0: rounded up, at most INT_MAX. */
int mio__sys_ms(int64_t ns);
/* For a timeout of 0 or more; at most what time_t can hold. */
struct timespec mio__sys_timespec(int64_t ns);

#endif
