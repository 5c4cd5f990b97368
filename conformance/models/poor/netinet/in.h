/* SPDX-License-Identifier: MIT */
/* A poorer <netinet/in.h>: see ../README. */

#pragma GCC system_header
#include_next <netinet/in.h>

#undef IP_RECVTTL
