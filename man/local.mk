# SPDX-License-Identifier: MIT
#
# A page for each object, and a page of one line (.so) for every further name.

dist_man_MANS += \
	man/MIO_EVENTS_FOREACH.3 \
	man/MIO_SOURCE_INIT.3 \
	man/mio.7 \
	man/mio_addr.3 \
	man/mio_addr_format.3 \
	man/mio_addr_parse.3 \
	man/mio_backends.3 \
	man/mio_event.3 \
	man/mio_event_format.3 \
	man/mio_event_is_aio.3 \
	man/mio_event_is_error.3 \
	man/mio_event_is_lio.3 \
	man/mio_event_is_priority.3 \
	man/mio_event_is_read_closed.3 \
	man/mio_event_is_readable.3 \
	man/mio_event_is_writable.3 \
	man/mio_event_is_write_closed.3 \
	man/mio_events.3 \
	man/mio_events_capacity.3 \
	man/mio_events_clear.3 \
	man/mio_events_count.3 \
	man/mio_events_forget.3 \
	man/mio_events_free.3 \
	man/mio_events_get.3 \
	man/mio_events_new.3 \
	man/mio_examples.7 \
	man/mio_handle.3 \
	man/mio_interest_format.3 \
	man/mio_performance.7 \
	man/mio_pipe.3 \
	man/mio_pipe_new.3 \
	man/mio_poll.3 \
	man/mio_poll_backend.3 \
	man/mio_poll_free.3 \
	man/mio_poll_handle.3 \
	man/mio_poll_new.3 \
	man/mio_poll_new_backend.3 \
	man/mio_poll_registry.3 \
	man/mio_porting.7 \
	man/mio_registry.3 \
	man/mio_registry_deregister.3 \
	man/mio_registry_deregister_fd.3 \
	man/mio_registry_handle.3 \
	man/mio_registry_rearm_fd.3 \
	man/mio_registry_ref.3 \
	man/mio_registry_register.3 \
	man/mio_registry_register_fd.3 \
	man/mio_registry_reregister.3 \
	man/mio_registry_reregister_fd.3 \
	man/mio_registry_unref.3 \
	man/mio_source.3 \
	man/mio_source_accept.3 \
	man/mio_source_close.3 \
	man/mio_source_connect.3 \
	man/mio_source_connect_result.3 \
	man/mio_source_from_fd.3 \
	man/mio_source_handle.3 \
	man/mio_source_into_fd.3 \
	man/mio_source_io.3 \
	man/mio_source_local_addr.3 \
	man/mio_source_peer_addr.3 \
	man/mio_source_read.3 \
	man/mio_source_readv.3 \
	man/mio_source_recv.3 \
	man/mio_source_recvfrom.3 \
	man/mio_source_recvmsg.3 \
	man/mio_source_send.3 \
	man/mio_source_sendmsg.3 \
	man/mio_source_sendto.3 \
	man/mio_source_set_ttl.3 \
	man/mio_source_shutdown.3 \
	man/mio_source_socket.3 \
	man/mio_source_take_error.3 \
	man/mio_source_try_io.3 \
	man/mio_source_ttl.3 \
	man/mio_source_write.3 \
	man/mio_source_writev.3 \
	man/mio_tcp.3 \
	man/mio_tcp_connect.3 \
	man/mio_tcp_listen.3 \
	man/mio_tcp_nodelay.3 \
	man/mio_tcp_set_nodelay.3 \
	man/mio_token.3 \
	man/mio_udp.3 \
	man/mio_udp_bind.3 \
	man/mio_udp_broadcast.3 \
	man/mio_udp_join_multicast_v4.3 \
	man/mio_udp_join_multicast_v6.3 \
	man/mio_udp_leave_multicast_v4.3 \
	man/mio_udp_leave_multicast_v6.3 \
	man/mio_udp_multicast_loop_v4.3 \
	man/mio_udp_multicast_loop_v6.3 \
	man/mio_udp_multicast_ttl_v4.3 \
	man/mio_udp_only_v6.3 \
	man/mio_udp_set_broadcast.3 \
	man/mio_udp_set_multicast_loop_v4.3 \
	man/mio_udp_set_multicast_loop_v6.3 \
	man/mio_udp_set_multicast_ttl_v4.3 \
	man/mio_unix.3 \
	man/mio_unix_addr.3 \
	man/mio_unix_connect.3 \
	man/mio_unix_connect_addr.3 \
	man/mio_unix_dgram_bind.3 \
	man/mio_unix_dgram_bind_addr.3 \
	man/mio_unix_dgram_pair.3 \
	man/mio_unix_dgram_unbound.3 \
	man/mio_unix_listen.3 \
	man/mio_unix_listen_addr.3 \
	man/mio_unix_pair.3 \
	man/mio_version.3 \
	man/mio_waker.3 \
	man/mio_waker_free.3 \
	man/mio_waker_new.3 \
	man/mio_waker_wake.3

TESTS += \
	checks/html.sh \
	checks/manual-examples.sh \
	checks/manual.sh

EXTRA_DIST += \
	checks/html.sh \
	checks/manual-examples.sh \
	checks/manual.sh \
	man/html.sh \
	man/manual.css

# The manual as HTML, in html/ of the build directory.
html-local:
	$(AM_V_GEN)pages=; for page in $(dist_man_MANS); do \
		pages="$$pages $(srcdir)/$$page"; \
	done; \
	$(SHELL) $(srcdir)/man/html.sh $(PACKAGE_VERSION) html $$pages

install-html-local: html-local
	$(MKDIR_P) '$(DESTDIR)$(htmldir)'
	$(INSTALL_DATA) html/*.css html/*.html '$(DESTDIR)$(htmldir)'

uninstall-local:
	for page in index.html manual.css $(dist_man_MANS:=.html); do \
		rm -f "$(DESTDIR)$(htmldir)/$${page#man/}"; \
	done

clean-local:
	rm -rf html html.new
