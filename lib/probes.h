/* SPDX-License-Identifier: MIT */
/*
 * Static probes (--enable-usdt), a nop each; nothing without.  mio(7) has
 * their names and arguments for the users of bpftrace and its like.
 */

#ifndef MIO_PROBES_H
#define MIO_PROBES_H

#ifdef ENABLE_USDT
#include <sys/sdt.h>
#define MIO__PROBE2(name, a, b) DTRACE_PROBE2(libmio, name, a, b)
#define MIO__PROBE3(name, a, b, c) DTRACE_PROBE3(libmio, name, a, b, c)
#define MIO__PROBE4(name, a, b, c, d) DTRACE_PROBE4(libmio, name, a, b, c, d)
#else
#define MIO__PROBE2(name, a, b) ((void)0)
#define MIO__PROBE3(name, a, b, c) ((void)0)
#define MIO__PROBE4(name, a, b, c, d) ((void)0)
#endif

#endif
