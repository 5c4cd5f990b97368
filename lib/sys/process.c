/* SPDX-License-Identifier: MIT */
/* Environment, clock, and which process this is. */

#include "config.h"
#include "sys/sys.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/* Linux 4.14; FreeBSD 12, NetBSD 8, OpenBSD 5.6; nothing of the kind. */
static bool
cleared_by_fork(void *page, size_t size)
{
#if defined(MADV_WIPEONFORK)
	return madvise(page, size, MADV_WIPEONFORK) == 0;
#elif defined(INHERIT_ZERO)
	return minherit(page, size, INHERIT_ZERO) == 0;
#elif defined(MAP_INHERIT_ZERO)
	return minherit(page, size, MAP_INHERIT_ZERO) == 0;
#else
	(void)page;
	(void)size;
	return false;
#endif
}

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int
mio__sys_process(struct mio__process *process)
{
	size_t size = page_size();
	unsigned char *mark = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mark == MAP_FAILED)
		return -1;
	process->id = getpid();
	process->mark = mark;
	if (cleared_by_fork(mark, size)) {
		*mark = 1;
	} else {
		munmap(mark, size);
		process->mark = NULL;
	}
	return 0;
}

bool
mio__sys_process_is_this(const struct mio__process *process)
{
	return (process->mark == NULL || *process->mark != 0) &&
	       process->id == getpid();
}

void
mio__sys_process_free(const struct mio__process *process)
{
	if (process->mark != NULL)
		munmap(process->mark, page_size());
}

const char *
mio__sys_getenv(const char *name)
{
#ifdef HAVE_SECURE_GETENV
	return secure_getenv(name);
#elif defined(HAVE_ISSETUGID)
	return issetugid() ? NULL : getenv(name);
#else
	if (getuid() != geteuid() || getgid() != getegid())
		return NULL;
	return getenv(name);
#endif
}

int64_t
mio__sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
mio__sys_deadline(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns <= 0)
		return INT64_MAX;
	now = mio__sys_now();
	return timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
}

int
mio__sys_ms(int64_t ns)
{
	int64_t ms = ns / 1000000 + (ns % 1000000 != 0);

	return ms > INT_MAX ? INT_MAX : (int)ms;
}

struct timespec
mio__sys_timespec(int64_t ns)
{
	struct timespec time = { .tv_nsec = (long)(ns % 1000000000) };
	int64_t seconds = ns / 1000000000;

	if (sizeof(time.tv_sec) < sizeof(seconds) && seconds > INT32_MAX)
		seconds = INT32_MAX;
	time.tv_sec = (time_t)seconds;
	return time;
}
