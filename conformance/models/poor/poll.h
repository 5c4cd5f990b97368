/* SPDX-License-Identifier: MIT */
/* A poorer <poll.h>, as of some systems. */

#pragma GCC system_header
#include_next <poll.h>

#undef POLLRDHUP
