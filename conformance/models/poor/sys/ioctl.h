/* SPDX-License-Identifier: MIT */
/* A poorer <sys/ioctl.h>, as of some systems. */

#pragma GCC system_header
#include_next <sys/ioctl.h>

#undef SIOCGIFFLAGS
