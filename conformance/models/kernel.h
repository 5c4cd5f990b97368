/* SPDX-License-Identifier: MIT */
/* Which kernel the models are like. */

#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

/* The models' own calls are the system's: see bsd/calls.h. */
#undef accept
#undef accept4
#undef close
#undef connect
#undef fstat
#undef getpeername
#undef getsockname
#undef getsockopt
#undef pipe
#undef pipe2
#undef poll
#undef ppoll
#undef recv
#undef recvfrom
#undef recvmsg
#undef send
#undef sendmsg
#undef sendto
#undef setsockopt
#undef shutdown
#undef write

#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>

#ifndef POLLRDHUP /* bsd/poll.h took it away */
#define POLLRDHUP 0x2000
#endif

struct kernel {
	const char *name;
	bool lacks_user;     /* EVFILT_USER */
	bool keeps_add;      /* flags of an event have EV_ADD */
	bool end_is_oneshot; /* knlist_clear: the last event of a pipe's end */
	bool full_is_deaf;   /* a full pipe's writer hears of no end */
	int no_reader;       /* errno of EVFILT_WRITE then */
	bool two_way;        /* pipes are */
	bool takes_itself;   /* a kqueue can be in itself */
	bool cuts_lengths;   /* of addresses, to the buffer */
	bool pads_names;     /* Unix addresses: all of sun_path */
	bool pads_unnamed;   /* those without a name have 16 bytes */
	bool hangs_up;       /* poll(2) says POLLHUP of sockets */
	bool pipe_is_out;    /* poll(2): beside POLLHUP, without a reader */
	bool has_files;      /* pipes have an inode */
	bool resets_close;   /* close(2) may say ECONNRESET */
	int accept_dgram;    /* errno of accept(2) on a datagram socket */
	int v6only_of_v4;    /* errno of IPV6_V6ONLY on AF_INET */
	bool always_v6only;
	long tick;           /* of waits, in nanoseconds; 0: none */
};

/*
 * By $MODEL_KERNEL: freebsd (the default), netbsd, openbsd.  Without
 * --with-model-kqueue=bsd what Linux is, but for kqueue(2).
 */
const struct kernel *model_kernel(void);

/* Whether this file is one end of a pipe that is two sockets. */
bool model_is_pipe(const struct stat *st);
/* Whether the last write to it found it full; and that it is no more. */
bool model_was_full(const struct stat *st);
void model_has_room(const struct stat *st);

#endif
