/* SPDX-License-Identifier: MIT */
/* What stands between the library and the system: --wrap of the linker. */

#include "config.h"

#ifdef __linux__

#include "fault.h"

#define WRAP(type, name, params)                                              \
	type __real_##name params;                                            \
	type __wrap_##name params;                                            \
	type __wrap_##name params

_Thread_local struct plan plan;

const char *const call_names[POINTS] = {
#define CALL(name) #name,
#include "faults.def"
	"pthread_mutex_lock",
	"pthread_mutex_unlock",
};

/* As on a system that lacks the calls that set flags on creation. */
bool old_system;
atomic_long live_blocks;
atomic_int calls_seen[POINTS];

static bool
strikes(enum call call)
{
	if (!plan.armed || plan.call != call)
		return false;
	plan.seen++;
	return plan.seen >= plan.turn && plan.seen < plan.turn + plan.times;
}

/* Others of the handler's own calls are not counted. */
static void
interrupt(enum call call)
{
	if (plan.wakes == NULL || !strikes(call))
		return;
	plan.fired = true;
	plan.armed = false;
	raise(SIGUSR1);
	plan.armed = true;
}

static bool
fails(enum call call)
{
	calls_seen[call]++;
	if (plan.wakes != NULL) {
		interrupt(call);
		return false;
	}
	if (plan.shortens || !strikes(call))
		return false;
	plan.fired = true;
	errno = plan.err;
	return true;
}

/* A byte of what was asked for. */
static size_t
shorter(enum call call, size_t len)
{
	if (!plan.shortens || len < 2 || !strikes(call))
		return len;
	plan.fired = true;
	return 1;
}

static bool
missing(int err)
{
	if (!old_system)
		return false;
	errno = err;
	return true;
}

/* After so many calls of malloc, what another thread does in the next. */
int until_then;

WRAP(void *, malloc, (size_t size))
{
	void *p;

	if (until_then > 0 && --until_then == 0)
		then();
	p = fails(CALL_malloc) ? NULL : __real_malloc(size);
	live_blocks += p != NULL;
	return p;
}

WRAP(void *, calloc, (size_t count, size_t size))
{
	void *p = fails(CALL_calloc) ? NULL : __real_calloc(count, size);

	live_blocks += p != NULL;
	return p;
}

WRAP(void *, realloc, (void *old, size_t size))
{
	const bool fresh = old == NULL;
	void *p = fails(CALL_realloc) ? NULL : __real_realloc(old, size);

	live_blocks += fresh && p != NULL;
	return p;
}

WRAP(void, free, (void *p))
{
	live_blocks -= p != NULL;
	__real_free(p);
}

WRAP(int, epoll_create1, (int flags))
{
	return fails(CALL_epoll_create1) ? -1 : __real_epoll_create1(flags);
}

struct epoll_event;
WRAP(int, epoll_ctl, (int epfd, int op, int fd, struct epoll_event *event))
{
	return fails(CALL_epoll_ctl) ? -1 : __real_epoll_ctl(epfd, op, fd, event);
}

WRAP(int, epoll_wait,
    (int epfd, struct epoll_event *events, int n, int timeout))
{
	return fails(CALL_epoll_wait)
	    ? -1
	    : __real_epoll_wait(epfd, events, n, timeout);
}

#ifdef HAVE_EPOLL_PWAIT2
WRAP(int, epoll_pwait2,
    (int epfd, struct epoll_event *events, int n,
	const struct timespec *timeout, const sigset_t *mask))
{
	return fails(CALL_epoll_pwait2)
	    ? -1
	    : __real_epoll_pwait2(epfd, events, n, timeout, mask);
}
#endif

WRAP(int, poll, (struct pollfd * fds, nfds_t n, int timeout))
{
	return fails(CALL_poll) ? -1 : __real_poll(fds, n, timeout);
}

WRAP(int, ppoll,
    (struct pollfd * fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask))
{
	return fails(CALL_ppoll) ? -1 : __real_ppoll(fds, n, timeout, mask);
}

WRAP(int, eventfd, (unsigned count, int flags))
{
	return fails(CALL_eventfd) ? -1 : __real_eventfd(count, flags);
}

WRAP(int, pipe2, (int fd[2], int flags))
{
	return fails(CALL_pipe2) || missing(ENOSYS) ? -1 : __real_pipe2(fd, flags);
}

WRAP(int, pipe, (int fd[2]))
{
	return fails(CALL_pipe) ? -1 : __real_pipe(fd);
}

WRAP(int, socket, (int domain, int type, int protocol))
{
	if (fails(CALL_socket))
		return -1;
	if ((type & (SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 && missing(EINVAL))
		return -1;
	return __real_socket(domain, type, protocol);
}

WRAP(int, bind, (int fd, const struct sockaddr *addr, socklen_t len))
{
	return fails(CALL_bind) ? -1 : __real_bind(fd, addr, len);
}

WRAP(int, listen, (int fd, int backlog))
{
	return fails(CALL_listen) ? -1 : __real_listen(fd, backlog);
}

WRAP(int, connect, (int fd, const struct sockaddr *addr, socklen_t len))
{
	if (!fails(CALL_connect))
		return __real_connect(fd, addr, len);
	/* What it has begun goes on. */
	if (plan.err == EINPROGRESS || plan.err == EINTR) {
		__real_connect(fd, addr, len);
		errno = plan.err;
	}
	return -1;
}

WRAP(int, accept4,
    (int fd, struct sockaddr *addr, socklen_t *len, int flags))
{
	if (fails(CALL_accept4) || missing(ENOSYS))
		return -1;
	return __real_accept4(fd, addr, len, flags);
}

WRAP(int, accept, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(CALL_accept) ? -1 : __real_accept(fd, addr, len);
}

WRAP(int, setsockopt,
    (int fd, int level, int name, const void *value, socklen_t len))
{
	return fails(CALL_setsockopt)
	    ? -1
	    : __real_setsockopt(fd, level, name, value, len);
}

/* Whose wake comes between another's claim and its signal. */
struct mio_waker *overtaking;
int overtaken_error; /* of the other's write */

WRAP(ssize_t, write, (int fd, const void *buf, size_t len))
{
	if (overtaking != NULL)
		overtake(overtaking);
	return fails(CALL_write) ? -1
				 : __real_write(fd, buf,
				       shorter(CALL_write, len));
}

WRAP(ssize_t, read, (int fd, void *buf, size_t len))
{
	return fails(CALL_read)
	    ? -1
	    : __real_read(fd, buf, shorter(CALL_read, len));
}

WRAP(ssize_t, recv, (int fd, void *buf, size_t len, int flags))
{
	return fails(CALL_recv)
	    ? -1
	    : __real_recv(fd, buf, shorter(CALL_recv, len), flags);
}

WRAP(ssize_t, recvfrom,
    (int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
	socklen_t *addrlen))
{
	return fails(CALL_recvfrom)
	    ? -1
	    : __real_recvfrom(fd, buf, shorter(CALL_recvfrom, len), flags,
		  addr, addrlen);
}

WRAP(ssize_t, send, (int fd, const void *buf, size_t len, int flags))
{
	return fails(CALL_send)
	    ? -1
	    : __real_send(fd, buf, shorter(CALL_send, len), flags);
}

WRAP(ssize_t, sendto,
    (int fd, const void *buf, size_t len, int flags,
	const struct sockaddr *addr, socklen_t addrlen))
{
	return fails(CALL_sendto)
	    ? -1
	    : __real_sendto(fd, buf, shorter(CALL_sendto, len), flags, addr,
		  addrlen);
}

/* The first part of the first; the message's own list stays as it is. */
static struct iovec
shorter_iov(enum call call, const struct iovec *iov)
{
	struct iovec part = iov[0];

	part.iov_len = shorter(call, part.iov_len);
	return part;
}

WRAP(ssize_t, readv, (int fd, const struct iovec *iov, int n))
{
	struct iovec part;

	if (fails(CALL_readv))
		return -1;
	part = shorter_iov(CALL_readv, iov);
	return plan.shortens && plan.fired ? __real_readv(fd, &part, 1)
					   : __real_readv(fd, iov, n);
}

WRAP(ssize_t, writev, (int fd, const struct iovec *iov, int n))
{
	struct iovec part;

	if (fails(CALL_writev))
		return -1;
	part = shorter_iov(CALL_writev, iov);
	return plan.shortens && plan.fired ? __real_writev(fd, &part, 1)
					   : __real_writev(fd, iov, n);
}

WRAP(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags))
{
	struct iovec part;
	struct msghdr copy = *msg;

	if (fails(CALL_recvmsg))
		return -1;
	part = shorter_iov(CALL_recvmsg, msg->msg_iov);
	if (!plan.shortens || !plan.fired)
		return __real_recvmsg(fd, msg, flags);
	copy.msg_iov = &part;
	copy.msg_iovlen = 1;
	return __real_recvmsg(fd, &copy, flags);
}

WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags))
{
	struct iovec part;
	struct msghdr copy = *msg;

	if (fails(CALL_sendmsg))
		return -1;
	part = shorter_iov(CALL_sendmsg, msg->msg_iov);
	if (!plan.shortens || !plan.fired)
		return __real_sendmsg(fd, msg, flags);
	copy.msg_iov = &part;
	copy.msg_iovlen = 1;
	return __real_sendmsg(fd, &copy, flags);
}

/* The descriptor is gone whatever close(2) says; the more so after a fault. */
WRAP(int, close, (int fd))
{
	const bool cleans_up = plan.armed && plan.fired &&
	    plan.wakes == NULL && !plan.shortens;
	const bool failed = fails(CALL_close);
	const int result = __real_close(fd);

	if (failed)
		errno = plan.err;
	else if (cleans_up)
		errno = EIO;
	return failed || cleans_up ? -1 : result;
}

WRAP(int, fstat, (int fd, struct stat *st))
{
	return fails(CALL_fstat) ? -1 : __real_fstat(fd, st);
}

/* What fstat is called with 64-bit offsets. */
WRAP(int, fstat64, (int fd, struct stat *st))
{
	return fails(CALL_fstat) ? -1 : __real_fstat64(fd, st);
}

WRAP(off_t, lseek, (int fd, off_t offset, int whence))
{
	return fails(CALL_lseek) ? -1 : __real_lseek(fd, offset, whence);
}

/* What lseek is called with 64-bit offsets. */
WRAP(int64_t, lseek64, (int fd, int64_t offset, int whence))
{
	return fails(CALL_lseek) ? -1 : __real_lseek64(fd, offset, whence);
}

WRAP(void *, mmap,
    (void *addr, size_t size, int protection, int flags, int fd, off_t offset))
{
	return fails(CALL_mmap)
	    ? MAP_FAILED
	    : __real_mmap(addr, size, protection, flags, fd, offset);
}

/* What mmap is called with 64-bit offsets. */
WRAP(void *, mmap64,
    (void *addr, size_t size, int protection, int flags, int fd,
	int64_t offset))
{
	return fails(CALL_mmap)
	    ? MAP_FAILED
	    : __real_mmap64(addr, size, protection, flags, fd, offset);
}

WRAP(int, madvise, (void *addr, size_t size, int advice))
{
	return fails(CALL_madvise) ? -1 : __real_madvise(addr, size, advice);
}

WRAP(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(CALL_getsockname) ? -1
				       : __real_getsockname(fd, addr, len);
}

WRAP(unsigned, if_nametoindex, (const char *name))
{
	return fails(CALL_if_nametoindex) ? 0 : __real_if_nametoindex(name);
}

WRAP(int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len))
{
	return fails(CALL_getpeername) ? -1
				       : __real_getpeername(fd, addr, len);
}

WRAP(int, getsockopt,
    (int fd, int level, int name, void *value, socklen_t *len))
{
	return fails(CALL_getsockopt)
	    ? -1
	    : __real_getsockopt(fd, level, name, value, len);
}

WRAP(int, shutdown, (int fd, int how))
{
	return fails(CALL_shutdown) ? -1 : __real_shutdown(fd, how);
}

/* Linux gives the lower number first; nobody promises that. */
bool backwards;

WRAP(int, socketpair, (int domain, int type, int protocol, int fd[2]))
{
	int made[2];

	if (fails(CALL_socketpair))
		return -1;
	if ((type & (SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 && missing(EINVAL))
		return -1;
	if (__real_socketpair(domain, type, protocol, made) == -1)
		return -1;
	fd[0] = made[backwards];
	fd[1] = made[!backwards];
	return 0;
}

WRAP(int, pthread_mutex_init,
    (pthread_mutex_t * lock, const pthread_mutexattr_t *attr))
{
	return fails(CALL_pthread_mutex_init)
	    ? plan.err
	    : __real_pthread_mutex_init(lock, attr);
}

WRAP(int, pthread_mutex_lock, (pthread_mutex_t * lock))
{
	const int result = __real_pthread_mutex_lock(lock);

	calls_seen[LOCKED]++;
	interrupt(LOCKED);
	return result;
}

WRAP(int, pthread_mutex_unlock, (pthread_mutex_t * lock))
{
	calls_seen[UNLOCKS]++;
	interrupt(UNLOCKS);
	return __real_pthread_mutex_unlock(lock);
}

/* No command used here takes more than a long. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return fails(CALL_fcntl) ? -1 : __real_fcntl(fd, command, arg);
}

/* What fcntl is called with 64-bit offsets. */
int __wrap_fcntl64(int fd, int command, ...);
int
__wrap_fcntl64(int fd, int command, ...)
{
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	return fails(CALL_fcntl) ? -1 : __real_fcntl(fd, command, arg);
}

#else

typedef int nothing_here;

#endif
