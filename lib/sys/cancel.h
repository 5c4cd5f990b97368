/* SPDX-License-Identifier: MIT */
/*
 * Cancellation of threads, where there is such a thing: Android has none, and
 * PTHREAD_CANCEL_DISABLE tells it everywhere.
 */

#ifndef MIO_SYS_CANCEL_H
#define MIO_SYS_CANCEL_H

#include <pthread.h>

#ifdef PTHREAD_CANCEL_DISABLE

/* As pthread_cleanup_push(3): `undo` if the thread is cancelled until ... */
#define MIO__UNDO_PUSH(undo, arg) pthread_cleanup_push(undo, arg)
/* ... here. */
#define MIO__UNDO_POP() pthread_cleanup_pop(0)

/* From here this thread is not cancelled, until ... */
static inline int
mio__sys_uncancellable(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

/* ... here, if it could be before. */
static inline void
mio__sys_uncancellable_end(int state)
{
	pthread_setcancelstate(state, &state);
}

/* A cancellation point, for system calls that are none. */
static inline void
mio__sys_test_cancel(void)
{
	pthread_testcancel();
}

#else

#define MIO__UNDO_PUSH(undo, arg) ((void)(undo), (void)(arg))
#define MIO__UNDO_POP() ((void)0)

static inline int
mio__sys_uncancellable(void)
{
	return 0;
}

static inline void
mio__sys_uncancellable_end(int state)
{
	(void)state;
}

static inline void
mio__sys_test_cancel(void)
{
}

#endif

#endif
