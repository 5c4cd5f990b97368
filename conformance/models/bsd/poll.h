/* SPDX-License-Identifier: MIT */
/* BSD's <poll.h>, as far as this one's, which has more. */

#ifndef MODEL_BSD_POLL_H
#define MODEL_BSD_POLL_H

#pragma GCC system_header
#include_next <poll.h>

#undef POLLRDHUP

#endif
