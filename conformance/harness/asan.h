/* SPDX-License-Identifier: MIT */
/* HAVE_ASAN: it takes the unwound frames of a cancelled thread for live. */

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
