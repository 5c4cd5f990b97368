/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "gates.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What ails libkqueue, not kqueue(2); each is a defect of its, or a limit. */
#ifdef HAVE_LIBKQUEUE
#define READD "libkqueue: a repeated EV_ADD does not report again what is ready"
#define STALE "libkqueue: close(2) leaves a descriptor's knotes behind"
#define SO_ERR                                                                 \
	"libkqueue: its filters fetch SO_ERROR, so the program finds none"
#define OWN_FDS "libkqueue: it has descriptors of its own and closes them late"
#define NO_NEST                                                                \
	"libkqueue: the descriptor of a kqueue is not readable with events"
#define NO_EBADF "libkqueue: EV_DELETE of no descriptor is ENOENT, not EBADF"
#define NOT_ITSELF "libkqueue: a kqueue takes its own descriptor"
#endif
#define NO_PRIORITY "kqueue(2) has no filter for out-of-band data"

/* The same of qemu-user: its name is before the backend, with a slash. */
#define TCPI "qemu: only the first four bytes of TCP_INFO come back"
#define GROUP "qemu: it lacks IP_MULTICAST_IF"
#define GS "qemu: a handler ends with another's errno"

const struct gate gates[] = {
	{ "wak-08", "*+pipe", "a pipe has no counter that could saturate" },
	{ "wak-09", "*+eventfd", "an eventfd has no buffer that could fill" },
	{ "wak-08", "*+user", "EVFILT_USER has no counter" },
	{ "wak-09", "*+user", "EVFILT_USER has no buffer" },
	{ "evt_writable_and_error_of_a_refused_connect", "kqueue+*",
	    "write_closed is the write filter's to say" },
	{ "fd_registered_twice", "kqueue+*",
	    "the kernel takes a second EV_ADD as a change" },
	{ "fd_that_cannot_be_watched", "kqueue+*",
	    "regular files can be watched" },
	{ "int_priority_is_out_of_band_data", "kqueue+*", NO_PRIORITY },
	{ "int_priority_is_rearmed_with_readable", "kqueue+*", NO_PRIORITY },
	{ "matrix_tcp_urgent", "kqueue+*", NO_PRIORITY },
/* Elsewhere the filter for reading tells: see selector/kqueue.c. */
#if defined(__APPLE__) || defined(__DragonFly__) || defined(HAVE_LIBKQUEUE)
	{ "reg_of_a_readerless_pipe_reports_it", "kqueue+*",
	    "EPIPE of pipe_kqfilter: nothing is watched" },
#endif
	{ "regr_failing_register_disturbs_nobody", "kqueue+*",
	    "regular files can be watched" },
#ifdef HAVE_LIBKQUEUE
	{ "close_deregister_after_a_hang_up", "kqueue+*", READD },
	{ "close_deregister_after_an_error", "kqueue+*", READD },
	{ "evt_forgotten_events_are_skipped", "kqueue+*", READD },
	{ "evt_read_closed_for_readable_alone", "kqueue+*", STALE },
	{ "evt_read_closed_of_local_shutdowns", "kqueue+*", STALE },
	{ "evt_write_closed_without_its_reader", "kqueue+*", STALE },
	{ "fd_hang_up_is_reported_once", "kqueue+*", READD },
	{ "fd_largest_token", "kqueue+*", READD },
	{ "fd_second_edge_after_reregister", "kqueue+*", READD },
	{ "poll_registers_from_many_threads", "kqueue+*", READD },
	{ "reg_foreign_registry_is_enoent", "kqueue+*", READD },
	{ "reg_reregister_after_a_hangup_reports_it_again", "kqueue+*", READD },
	{ "reg_reregister_reports_again", "kqueue+*", READD },
	{ "reg_takes_sources_inside_other_things", "kqueue+*", READD },
	{ "regr_unconnected_tcp_socket_reports_and_connects", "kqueue+*",
	    STALE },
	{ "tcps_write_then_close", "kqueue+*", READD },
	{ "wak_token_may_be_a_sources", "kqueue+*", READD },
	{ "close_and_use_the_number_again", "kqueue+*", STALE },
	{ "close_from_many_threads_during_waits", "kqueue+*", STALE },
	{ "fd_closed_during_a_wait", "kqueue+*", STALE },
	{ "fd_closed_while_registered_is_silent", "kqueue+*", STALE },
	{ "fd_number_of_an_anonymous_inode_used_again", "kqueue+*", STALE },
	{ "fd_number_registered_again_and_again", "kqueue+*", STALE },
	{ "fd_number_registered_again_before_a_poll", "kqueue+*", STALE },
	{ "fd_number_used_again", "kqueue+*", STALE },
	{ "poll_goes_on_after_its_thread_was_cancelled", "kqueue+*", STALE },
	{ "reg_refuses_null_and_closed", "kqueue+*", STALE },
	{ "fd_raw_udp_error_keeps_the_registration", "kqueue+*", SO_ERR },
	{ "fd_udp_error_keeps_the_registration", "kqueue+*", SO_ERR },
	{ "regr_connect_finds_its_host_unreachable", "kqueue+*", SO_ERR },
	{ "regr_connect_times_out", "kqueue+*", SO_ERR },
	{ "tcps_connect_recipe_v4", "kqueue+*", SO_ERR },
	{ "tcps_connect_recipe_v6", "kqueue+*", SO_ERR },
	{ "tcps_connect_result_tells_once_why_it_failed_v4", "kqueue+*",
	    SO_ERR },
	{ "tcps_connect_result_tells_once_why_it_failed_v6", "kqueue+*",
	    SO_ERR },
	{ "tcps_error_keeps_the_registration", "kqueue+*", SO_ERR },
	{ "tcps_peer_aborts", "kqueue+*", SO_ERR },
	{ "tcps_refused_v4", "kqueue+*", SO_ERR },
	{ "tcps_refused_v6", "kqueue+*", SO_ERR },
	{ "udp_refused_and_then_works_again_v4", "kqueue+*", SO_ERR },
	{ "udp_refused_and_then_works_again_v6", "kqueue+*", SO_ERR },
	{ "close_in_every_order", "kqueue+*", OWN_FDS },
	{ "poll_closes_its_descriptors", "kqueue+*", OWN_FDS },
	{ "poll_new_passes_emfile_on_and_leaks_nothing", "kqueue+*", OWN_FDS },
	{ "udg_pair", "kqueue+*", OWN_FDS },
	{ "uds_pair", "kqueue+*", OWN_FDS },
	{ "poll_handle_nests_in_another_poll", "kqueue+*", NO_NEST },
	{ "regr_handle_is_ready_before_any_poll", "kqueue+*", NO_NEST },
	{ "fd_that_is_none", "kqueue+*", NO_EBADF },
	{ "wak_internal_descriptor_is_not_the_users", "kqueue+*", NOT_ITSELF },
#endif
	{ "tcpl_backlog_is_128_v4", "qemu-*", TCPI },
	{ "tcpl_backlog_is_128_v6", "qemu-*", TCPI },
	{ "udp_joined_group_is_heard_until_left", "qemu-*", GROUP },
	{ "udp_joined_group_is_heard_until_left_v6", "qemu-*", GROUP },
	{ "regr_ipv6_scope_and_flow_of_addresses", "qemu-*",
	    "qemu: it lacks IPV6_FLOWINFO_SEND" },
	{ "poll_forever_ends_with_a_signal", "qemu-i386*", GS },
	{ "poll_returns_eintr_with_sa_restart_too", "qemu-i386*", GS },
	{ "addr_of_odd_interfaces", "qemu-*", "qemu: it lacks SIOCSIFNAME" },
	{ "more_child_of_the_same_number", "qemu-*/epoll*",
	    "qemu: MADV_WIPEONFORK succeeds and does nothing" },
	{ "regr_ipv6_scope_of_a_connection", "qemu-s390x*",
	    "qemu: it does not swap struct in6_ifreq" },
	{ "udp_multicast_ttl_v4", "qemu-s390x*",
	    "qemu: a byte of option value 255 is written as four" },
	{ "udp_peer_address_v6", "qemu-s390x*",
	    "qemu: it dies of connect(2) with a short address" },
	{ NULL, NULL, NULL },
};

/*
 * Under qemu-user, "qemu-arm/epoll+eventfd".  It shows its guest's name as
 * /proc/self/exe, but not as this.
 */
static void
name_emulated(const char *backend, char *name, size_t size)
{
	char path[4096];
	ssize_t len =
	    readlink("/proc/thread-self/exe", path, sizeof(path) - 1);
	const char *emulator = NULL;

	if (len >= 0) {
		path[len] = '\0';
		emulator = strrchr(path, '/');
	}
	if (emulator != NULL && strncmp(emulator, "/qemu-", 6) == 0)
		snprintf(name, size, "%s/%s", emulator + 1, backend);
	else
		snprintf(name, size, "%s", backend);
}

const struct gate *
gate_find(const char *row, const char *backend)
{
	char emulated[200];

	name_emulated(backend, emulated, sizeof(emulated));
	for (const struct gate *gate = gates; gate->row != NULL; ++gate)
		if (strcmp(gate->row, row) == 0 &&
		    (fnmatch(gate->backends, backend, 0) == 0 ||
			fnmatch(gate->backends, emulated, 0) == 0))
			return gate;
	return NULL;
}
