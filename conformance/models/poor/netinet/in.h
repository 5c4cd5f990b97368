/* SPDX-License-Identifier: MIT */
/* A poorer <netinet/in.h>, as of some systems. */

#pragma GCC system_header
#include_next <netinet/in.h>

#undef IP_RECVTTL
