/* SPDX-License-Identifier: MIT */
/*
 * What FreeBSD's <sys/event.h> has of the filters that the model knows: see
 * ../../kqueue.c.  Names, numbers and layout are the public interface's.
 */

#ifndef MODEL_SYS_EVENT_H
#define MODEL_SYS_EVENT_H

#define MODEL_KQUEUE 1

#include <stdint.h>
#include <time.h>

struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned fflags;
	int64_t data;
	void *udata;
	uint64_t ext[4];
};

#define EV_SET(kev, a, b, c, d, e, f)                                         \
	(*(kev) = (struct kevent) { .ident = (a),                             \
	     .filter = (b),                                                   \
	     .flags = (c),                                                    \
	     .fflags = (d),                                                   \
	     .data = (e),                                                     \
	     .udata = (f) })

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_AIO (-3)
#define EVFILT_LIO (-10)
#define EVFILT_USER (-11)

#define EV_ADD 0x0001
#define EV_DELETE 0x0002
#define EV_ENABLE 0x0004
#define EV_DISABLE 0x0008
#define EV_ONESHOT 0x0010
#define EV_CLEAR 0x0020
#define EV_RECEIPT 0x0040
#define EV_ERROR 0x4000
#define EV_EOF 0x8000

#define NOTE_FFNOP 0x00000000u
#define NOTE_FFAND 0x40000000u
#define NOTE_FFOR 0x80000000u
#define NOTE_FFCOPY 0xc0000000u
#define NOTE_FFCTRLMASK 0xc0000000u
#define NOTE_FFLAGSMASK 0x00ffffffu
#define NOTE_TRIGGER 0x01000000u

int kqueue(void);
int kevent(int, const struct kevent *, int, struct kevent *, int,
    const struct timespec *);

/*
 * Not BSD's: queues `event`, whose filter is EVFILT_AIO or EVFILT_LIO, as the
 * end of a request would (SIGEV_KEVENT); -1 and EBADF if it is no kqueue.
 */
int model_kqueue_finish(int, const struct kevent *);

#endif
