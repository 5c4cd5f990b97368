/* SPDX-License-Identifier: MIT */
/* A poorer <net/if.h>, as of some systems. */

#pragma GCC system_header
#include_next <net/if.h>

#undef SIOCGIFFLAGS
