/* SPDX-License-Identifier: MIT */
/* A poorer <sys/ioctl.h>: see ../README. */

#pragma GCC system_header
#include_next <sys/ioctl.h>

#undef SIOCGIFFLAGS
