/* SPDX-License-Identifier: MIT */
/* Descriptors: flags, pipes. */

#include "config.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "selector.h"

int
mio__sys_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	if (flags & O_NONBLOCK)
		return 0;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
mio__sys_does_io(int fd)
{
	/* fstat(2) takes it; of what moves bytes, this is the cheapest. */
	return lseek(fd, 0, SEEK_CUR) < 0 && errno == EBADF ? -1 : 0;
}

int
mio__sys_cloexec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void
mio__sys_close(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
}

static int
pipe_plain(int fds[2])
{
	if (pipe(fds) < 0)
		return -1;
	if (mio__sys_cloexec(fds[0]) < 0 || mio__sys_cloexec(fds[1]) < 0 ||
	    mio__sys_nonblock(fds[0]) < 0 || mio__sys_nonblock(fds[1]) < 0) {
		mio__sys_close(fds[0]);
		mio__sys_close(fds[1]);
		return -1;
	}
	return 0;
}

int
mio__sys_pipe(int fds[2])
{
#ifdef HAVE_PIPE2
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0)
		return 0;
	if (!mio__sys_refused(errno))
		return -1;
#endif
	return pipe_plain(fds);
}

/*
 * Linux 6.18 can write to a pipe without SIGPIPE.  Asked once for each pipe,
 * by writing nothing, because nothing process-wide may remember it.
 */
uint32_t
mio__sys_pipe_kind(int fd)
{
#ifdef RWF_NOSIGNAL
	struct iovec nothing = { NULL, 0 };
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	    pwritev2(fd, &nothing, 1, -1, RWF_NOSIGNAL) == 0)
		return MIO__KIND_QUIET_PIPE;
#else
	(void)fd;
#endif
	return 0;
}

ssize_t
mio__sys_writev_quiet(int fd, const struct iovec *iov, int iovcnt)
{
#ifdef RWF_NOSIGNAL
	return pwritev2(fd, iov, iovcnt, -1, RWF_NOSIGNAL);
#else
	return writev(fd, iov, iovcnt);
#endif
}
