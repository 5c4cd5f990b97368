/* SPDX-License-Identifier: MIT */
/* A poorer <poll.h>: see ../README. */

#pragma GCC system_header
#include_next <poll.h>

#undef POLLRDHUP
