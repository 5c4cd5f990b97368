/* SPDX-License-Identifier: MIT */
/* A poorer <net/if.h>: see ../README. */

#pragma GCC system_header
#include_next <net/if.h>

#undef SIOCGIFFLAGS
