/* SPDX-License-Identifier: MIT */
/* A poorer <bits/types.h>: socklen_t has a sign, as on some systems. */

#ifndef POOR_BITS_TYPES_H
#define POOR_BITS_TYPES_H

#pragma GCC system_header
#define __socklen_t __socklen_t_without_a_sign
#include_next <bits/types.h>
#undef __socklen_t
typedef int __socklen_t;

#endif
