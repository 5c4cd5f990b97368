/* SPDX-License-Identifier: MIT */
/* A poorer <pthread.h>, as of some systems. */

#pragma GCC system_header
#include_next <pthread.h>

/* As Android: no cancellation of threads. */
#undef PTHREAD_CANCEL_DISABLE
#undef PTHREAD_CANCEL_ENABLE
#undef PTHREAD_CANCELED
#pragma GCC poison pthread_cancel pthread_setcancelstate pthread_testcancel
