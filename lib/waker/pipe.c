/* SPDX-License-Identifier: MIT */
/*
 * A pipe.  Kernels make an edge for each write, or only for a write into an
 * empty pipe (Linux 5.5 to 5.9, pipe_write in fs/pipe.c); so it is emptied
 * before.  Whoever empties it writes thereafter, so no edge gets lost.
 */

#include "config.h"
#include "waker.h"

#include <unistd.h>

#include "sys/cancel.h"
#include "sys/sys.h"

static int
pipe_open(struct mio_waker *waker)
{
	return mio__sys_pipe(waker->fds);
}

static void
pipe_drain(int fd)
{
	char bytes[4096];
	ssize_t n;

	do
		n = read(fd, bytes, sizeof(bytes));
	while (n == (ssize_t)sizeof(bytes) || (n < 0 && errno == EINTR));
}

int
mio__pipe_signal(struct mio_waker *waker)
{
	struct mio_waker *volatile kept = waker; /* not in a saved register */
	const int error = errno; /* of whom a signal handler interrupts */
	ssize_t n;

	MIO__UNDO_PUSH(mio__signal_cancelled, (void *)&kept);
	pipe_drain(waker->fds[0]);
	n = write(waker->fds[1], "", 1);
	MIO__UNDO_POP();
	if (n < 0 && mio__signal_failed(kept) < 0)
		return -1;
	errno = error;
	return 0;
}

static void
pipe_close(struct mio_waker *waker)
{
	mio__sys_close(waker->fds[0]);
	mio__sys_close(waker->fds[1]);
}

const struct mio__waker_ops mio__pipe_ops = {
	.name = "pipe",
	.open = pipe_open,
	.signal = mio__pipe_signal,
	.drain = pipe_drain,
	.close = pipe_close,
};
