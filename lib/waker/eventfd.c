/* SPDX-License-Identifier: MIT */
/*
 * A counter of the kernel (Linux, FreeBSD 13): eventfd(2).  Each write is a
 * new edge, so it is never read but where a selector is level-triggered.
 */

#include "config.h"
#include "waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/sys.h"

static int
eventfd_open(struct mio_waker *waker)
{
	waker->fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return waker->fds[0] < 0 ? -1 : 0;
}

static void
eventfd_drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

MIO__INLINE int
mio__eventfd_signal(struct mio_waker *waker)
{
	static const uint64_t one = 1;
	struct mio_waker *volatile kept = waker; /* not in a saved register */
	ssize_t n;

	MIO__UNDO_PUSH(mio__signal_cancelled, (void *)&kept);
	n = write(waker->fds[0], &one, sizeof(one));
	MIO__UNDO_POP();
	/*
	 * A full counter takes 2^64 wakes, so there errno is not kept: a look
	 * at it would cost each wake a call.
	 */
	return n < 0 ? mio__signal_failed(kept) : 0;
}

static void
eventfd_close(struct mio_waker *waker)
{
	mio__sys_close(waker->fds[0]);
}

const struct mio__waker_ops mio__eventfd_ops = {
	.name = "eventfd",
	.open = eventfd_open,
	.signal = mio__eventfd_signal,
	.drain = eventfd_drain,
	.close = eventfd_close,
};
