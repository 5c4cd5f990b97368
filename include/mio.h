/* SPDX-License-Identifier: MIT */
/* libmio: readiness events and non-blocking I/O.  See mio(7). */

#ifndef MIO_H
#define MIO_H

#include <mio/version.h>
#include <mio/event.h>
#include <mio/source.h>
#include <mio/poll.h>
#include <mio/registry.h>
#include <mio/waker.h>
#include <mio/tcp.h>
#include <mio/udp.h>
#include <mio/unix.h>
#include <mio/pipe.h>
#include <mio/addr.h>

#endif
