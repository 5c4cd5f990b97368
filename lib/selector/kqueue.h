/* SPDX-License-Identifier: MIT */
/* What selector/kqueue.c and waker/user.c share. */

#ifndef MIO_KQUEUE_H
#define MIO_KQUEUE_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

/* How many of them: kevent counts in int, but NetBSD's in size_t. */
#define MIO__KEVENTS(count)                                                  \
	_Generic(&kevent,                                                    \
	    int (*)(int, const struct kevent *, size_t, struct kevent *,     \
		size_t, const struct timespec *) : (size_t)(count),          \
	    default : (int)(count))

/*
 * Makes up to four changes, each with EV_RECEIPT, and fills `receipts` with
 * one for each.  -1 and errno if the queue itself is no good.
 */
int mio__kqueue_submit(int kq, const struct kevent *changes,
    struct kevent *receipts, int count);

/* What a change's receipt says, 0 for success. */
int mio__kqueue_error(const struct kevent *receipt);

#endif
