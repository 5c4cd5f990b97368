/* SPDX-License-Identifier: MIT */
/* A poorer <sys/uio.h>, as of some systems. */

#pragma GCC system_header
#include_next <sys/uio.h>

#undef IOV_MAX
