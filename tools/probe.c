/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <mio.h>

#include "tools/build.h"

#ifdef HAVE_EPOLL_PWAIT2
#include <sys/epoll.h>
#endif
#ifdef BUILD_EVENTFD
#include <sys/eventfd.h>
#endif

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	int error;
	const char *name;
} errno_names[] = {
	{ 0, "no error" },
	{ EACCES, "EACCES" },
	{ EBADF, "EBADF" },
	{ EINVAL, "EINVAL" },
	{ EMFILE, "EMFILE" },
	{ ENFILE, "ENFILE" },
	{ ENOMEM, "ENOMEM" },
	{ ENOSPC, "ENOSPC" },
	{ ENOSYS, "ENOSYS" },
	{ ENOTSUP, "ENOTSUP" },
	{ EPERM, "EPERM" },
};

const char *
probe_errno(int error)
{
	static char number[32];

	for (size_t i = 0; i < LEN(errno_names); ++i)
		if (errno_names[i].error == error)
			return errno_names[i].name;
	snprintf(number, sizeof(number), "errno %d", error);
	return number;
}

bool
probe_used(const struct probe_call *call)
{
	return call->built && call->error == 0;
}

bool
probe_refused(const struct probe_call *call)
{
	return call->error == ENOSYS || call->error == EPERM ||
	    call->error == EINVAL;
}

const char *
probe_why(const struct probe_call *call)
{
	if (call->built)
		return probe_errno(call->error);
	if (call->error == 0)
		return "the build lacked it, the system has it";
	return "the build lacked it";
}

/* Each tries its call and returns 0 or errno. */

#if defined(HAVE_EPOLL_PWAIT2) || defined(BUILD_EVENTFD) ||                  \
    defined(HAVE_PIPE2) || defined(HAVE_SOCK_CLOEXEC) ||                     \
    defined(RWF_NOWAIT)
static int
close_all(int error, int fd, int other)
{
	if (fd >= 0)
		close(fd);
	if (other >= 0)
		close(other);
	return error;
}
#endif

static int
try_epoll_pwait2(void)
{
#ifdef HAVE_EPOLL_PWAIT2
	struct timespec none = { 0, 0 };
	struct epoll_event event;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return errno;
	if (epoll_pwait2(fd, &event, 1, &none, NULL) < 0)
		return close_all(errno, fd, -1);
	return close_all(0, fd, -1);
#else
	return PROBE_NOT_TRIED;
#endif
}

static int
try_ppoll(void)
{
#ifdef HAVE_PPOLL
	struct timespec none = { 0, 0 };
	struct pollfd nothing = { -1, 0, 0 };

	return ppoll(&nothing, 1, &none, NULL) < 0 ? errno : 0;
#else
	return PROBE_NOT_TRIED;
#endif
}

static int
try_eventfd(void)
{
#ifdef BUILD_EVENTFD
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? errno : close_all(0, fd, -1);
#else
	return PROBE_NOT_TRIED;
#endif
}

static int
try_pipe2(void)
{
#ifdef HAVE_PIPE2
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return errno;
	return close_all(0, fds[0], fds[1]);
#else
	return PROBE_NOT_TRIED;
#endif
}

static int
try_accept4(void)
{
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_CLOEXEC)
	/* A kernel that knows the call and the flags misses the descriptor. */
	if (accept4(-1, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) < 0 &&
	    errno == EBADF)
		return 0;
	return errno;
#else
	return PROBE_NOT_TRIED;
#endif
}

static int
try_sock_flags(void)
{
#ifdef HAVE_SOCK_CLOEXEC
	int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? errno : close_all(0, fd, -1);
#else
	return PROBE_NOT_TRIED;
#endif
}

/* Also where libc's headers lack it: then a newer build would use it. */
static int
try_rwf_nosignal(void)
{
#ifdef RWF_NOWAIT
#ifdef RWF_NOSIGNAL
	int flag = RWF_NOSIGNAL;
#else
	int flag = 0x100;
#endif
	struct iovec nothing = { NULL, 0 };
	int fds[2];

	if (pipe(fds) < 0)
		return errno;
	if (pwritev2(fds[1], &nothing, 1, -1, flag) < 0)
		return close_all(
		    errno == EOPNOTSUPP ? ENOSYS : errno, fds[0], fds[1]);
	return close_all(0, fds[0], fds[1]);
#else
	return PROBE_NOT_TRIED;
#endif
}

#ifdef HAVE_EPOLL_PWAIT2
#define BUILT_EPOLL_PWAIT2 true
#else
#define BUILT_EPOLL_PWAIT2 false
#endif
#ifdef HAVE_PPOLL
#define BUILT_PPOLL true
#else
#define BUILT_PPOLL false
#endif
#ifdef BUILD_EVENTFD
#define BUILT_EVENTFD true
#else
#define BUILT_EVENTFD false
#endif
#ifdef HAVE_PIPE2
#define BUILT_PIPE2 true
#else
#define BUILT_PIPE2 false
#endif
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_CLOEXEC)
#define BUILT_ACCEPT4 true
#else
#define BUILT_ACCEPT4 false
#endif
#ifdef HAVE_SOCK_CLOEXEC
#define BUILT_SOCK_FLAGS true
#else
#define BUILT_SOCK_FLAGS false
#endif
#ifdef RWF_NOSIGNAL
#define BUILT_RWF_NOSIGNAL true
#else
#define BUILT_RWF_NOSIGNAL false
#endif

enum { EPOLL_PWAIT2, PPOLL };

static const struct {
	const char *name, *fallback;
	bool built;
	int (*run)(void);
} tries[PROBE_CALLS] = {
	[EPOLL_PWAIT2] = { "epoll_pwait2",
	    "epoll_wait, timeouts rounded up to milliseconds",
	    BUILT_EPOLL_PWAIT2, try_epoll_pwait2 },
	[PPOLL] = { "ppoll", "poll, timeouts rounded up to milliseconds",
	    BUILT_PPOLL, try_ppoll },
	{ "eventfd", "the pipe waker, of the backends that have it",
	    BUILT_EVENTFD, try_eventfd },
	{ "pipe2", "pipe and fcntl", BUILT_PIPE2, try_pipe2 },
	{ "accept4", "accept and fcntl", BUILT_ACCEPT4, try_accept4 },
	{ "SOCK_NONBLOCK", "socket and fcntl", BUILT_SOCK_FLAGS,
	    try_sock_flags },
	{ "RWF_NOSIGNAL", "writing to a pipe without reader raises SIGPIPE",
	    BUILT_RWF_NOSIGNAL, try_rwf_nosignal },
};

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void
probe_system(struct probe_system *system)
{
	struct utsname names;

	copy(system->libc, sizeof(system->libc), "unknown");
#ifdef _CS_GNU_LIBC_VERSION
	if (confstr(_CS_GNU_LIBC_VERSION, system->libc,
		sizeof(system->libc)) == 0 || system->libc[0] == '\0')
		copy(system->libc, sizeof(system->libc), "unknown");
#endif
	if (uname(&names) < 0) {
		copy(system->name, sizeof(system->name), "unknown");
		return;
	}
	copy(system->name, sizeof(system->name), names.sysname);
	copy(system->release, sizeof(system->release), names.release);
	copy(system->version, sizeof(system->version), names.version);
	copy(system->machine, sizeof(system->machine), names.machine);
}

static void
set_rlimit(struct probe_limit *limit, const char *name, rlim_t value)
{
	limit->name = name;
	if (value == RLIM_INFINITY)
		copy(limit->value, sizeof(limit->value), "unlimited");
	else
		snprintf(limit->value, sizeof(limit->value), "%ju",
		    (uintmax_t)value);
}

static void
read_limit(struct probe_limit *limit, const char *name, const char *path)
{
	FILE *file = fopen(path, "re");

	limit->name = name;
	limit->value[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(limit->value, sizeof(limit->value), file) != NULL)
		limit->value[strcspn(limit->value, "\n")] = '\0';
	fclose(file);
}

static void
probe_limits(struct probe_limit *limits)
{
	struct rlimit files = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &files);
	set_rlimit(&limits[0], "RLIMIT_NOFILE", files.rlim_cur);
	set_rlimit(&limits[1], "RLIMIT_NOFILE, hard", files.rlim_max);
	read_limit(&limits[2], "fs.epoll.max_user_watches",
	    "/proc/sys/fs/epoll/max_user_watches");
	read_limit(&limits[3], "fs.file-max", "/proc/sys/fs/file-max");
	read_limit(&limits[4], "fs.pipe-max-size",
	    "/proc/sys/fs/pipe-max-size");
	read_limit(&limits[5], "net.core.somaxconn",
	    "/proc/sys/net/core/somaxconn");
}

static const char *
wait_call(const struct probe *probe, const char *backend)
{
	if (strncmp(backend, "epoll+", 6) == 0)
		return probe_used(&probe->calls[EPOLL_PWAIT2]) ?
		    "epoll_pwait2" : "epoll_wait";
	if (strncmp(backend, "poll+", 5) == 0)
		return probe_used(&probe->calls[PPOLL]) ? "ppoll" : "poll";
	if (strncmp(backend, "kqueue", 6) == 0)
		return "kevent";
	return "unknown";
}

static void
probe_backend(const struct probe *probe, struct probe_backend *backend)
{
	const char *plus = strchr(backend->name, '+');
	struct mio_waker *waker;
	struct mio_poll *poll;

	backend->wait = wait_call(probe, backend->name);
	backend->waker = plus != NULL ? plus + 1 : "none";
	if (mio_poll_new_backend(&poll, backend->name) < 0) {
		backend->error = errno;
		return;
	}
	if (mio_waker_new(&waker, mio_poll_registry(poll), 0) < 0)
		backend->waker_error = errno;
	else
		mio_waker_free(waker);
	mio_poll_free(poll);
}

static const char *
variable(void)
{
#ifdef HAVE_SECURE_GETENV
	return secure_getenv("MIO_BACKEND");
#else
	if (getuid() != geteuid() || getgid() != getegid())
		return NULL;
	return getenv("MIO_BACKEND");
#endif
}

/* The words of configure's arguments that chose the default. */
static size_t
find_choice(const char *arguments, const char *option, char *buf, size_t size)
{
	const char *found = strstr(arguments, option);

	buf[0] = '\0';
	if (found == NULL)
		return 0;
	return (size_t)snprintf(
	    buf, size, "%.*s", (int)strcspn(found, " '"), found);
}

static void
probe_choice(struct probe *probe)
{
	char selector[60], waker[60];
	struct mio_poll *poll;

	probe->variable = variable();
	if (mio_poll_new(&poll) < 0) {
		probe->error = errno;
	} else {
		copy(probe->chosen, sizeof(probe->chosen),
		    mio_poll_backend(poll));
		mio_poll_free(poll);
	}
	if (probe->variable != NULL) {
		snprintf(probe->reason, sizeof(probe->reason),
		    "MIO_BACKEND=%s", probe->variable);
		return;
	}
	if (find_choice(probe->configure, "--with-selector=", selector,
		sizeof(selector)) +
		find_choice(probe->configure, "--with-waker=", waker,
		    sizeof(waker)) > 0)
		snprintf(probe->reason, sizeof(probe->reason),
		    "configure %s%s%s", selector,
		    selector[0] != '\0' && waker[0] != '\0' ? " " : "",
		    waker);
	else
		copy(probe->reason, sizeof(probe->reason),
		    "configure, the best it found");
}

void
probe_run(struct probe *probe)
{
	memset(probe, 0, sizeof(*probe));
	probe->configure = BUILD_CONFIGURE;
	probe->compiler = BUILD_COMPILER;
#if defined(__clang__)
	probe->compiler_version = __VERSION__;
#elif defined(__GNUC__)
	probe->compiler_version = "gcc " __VERSION__;
#else
	probe->compiler_version = "unknown";
#endif
	probe_system(&probe->system);
	probe_limits(probe->limits);
	for (size_t i = 0; i < PROBE_CALLS; ++i) {
		probe->calls[i].name = tries[i].name;
		probe->calls[i].fallback = tries[i].fallback;
		probe->calls[i].built = tries[i].built;
		probe->calls[i].error = tries[i].run();
	}
	for (const char *const *name = mio_backends(); *name != NULL &&
	     probe->backends_count < PROBE_BACKENDS; ++name) {
		struct probe_backend *backend =
		    &probe->backends[probe->backends_count++];

		backend->name = *name;
		probe_backend(probe, backend);
	}
	probe_choice(probe);
}
