/* SPDX-License-Identifier: MIT */
/* A poorer <limits.h>, as of some systems. */

#pragma GCC system_header
#include_next <limits.h>

#undef IOV_MAX
#undef PATH_MAX
