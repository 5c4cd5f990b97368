/* SPDX-License-Identifier: MIT */
/* Environment and clock. */

#include "config.h"
#include "sys/sys.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const char *
mio__sys_getenv(const char *name)
{
#ifdef HAVE_SECURE_GETENV
	return secure_getenv(name);
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
