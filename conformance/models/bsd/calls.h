/* SPDX-License-Identifier: MIT */
/*
 * Included before all else where the system is to behave as a BSD: its calls
 * are those of ../bsd.c.  A macro with arguments leaves alone what only has
 * the name of a call; without them it renames whatever has it, wherever it is.
 */

/* glibc declares a pointer to any kind of address as a union. */
#pragma GCC diagnostic ignored "-Wpedantic"

#define accept(fd, addr, len) bsd_accept(fd, addr, len)
#define accept4(fd, addr, len, flags) bsd_accept4(fd, addr, len, flags)
#define close bsd_close
#define connect(fd, addr, len) bsd_connect(fd, addr, len)
#define fstat(fd, st) bsd_fstat(fd, st)
#define getpeername bsd_getpeername
#define getsockname bsd_getsockname
#define getsockopt(fd, level, name, value, len)                               \
	bsd_getsockopt(fd, level, name, value, len)
#define pipe(fds) bsd_pipe(fds)
#define pipe2(fds, flags) bsd_pipe2(fds, flags)
#define poll(fds, n, timeout) bsd_poll(fds, n, timeout)
#define ppoll(fds, n, timeout, mask) bsd_ppoll(fds, n, timeout, mask)
#define recv(fd, buf, size, flags) bsd_recv(fd, buf, size, flags)
#define recvfrom(fd, buf, size, flags, addr, len)                             \
	bsd_recvfrom(fd, buf, size, flags, addr, len)
#define recvmsg(fd, msg, flags) bsd_recvmsg(fd, msg, flags)
#define send(fd, buf, size, flags) bsd_send(fd, buf, size, flags)
#define sendmsg(fd, msg, flags) bsd_sendmsg(fd, msg, flags)
#define sendto(fd, buf, size, flags, addr, len)                               \
	bsd_sendto(fd, buf, size, flags, addr, len)
#define setsockopt(fd, level, name, value, len)                               \
	bsd_setsockopt(fd, level, name, value, len)
#define shutdown(fd, how) bsd_shutdown(fd, how)
#define write(fd, buf, size) bsd_write(fd, buf, size)
