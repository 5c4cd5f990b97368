# SPDX-License-Identifier: MIT
#
# Programs that are installed.

bin_PROGRAMS += tools/mio-info
dist_man_MANS += man/mio-info.1
# Its program is with its sources, in conformance/local.mk.
# A tarball has its page also if it is made where there is no Check.
EXTRA_DIST += man/mio-conformance.1
if HAVE_CHECK
dist_man_MANS += man/mio-conformance.1
TESTS += tools/test-conformance.sh
endif

tools_mio_info_SOURCES = \
	tools/mio-info.c \
	tools/probe.c \
	tools/probe.h \
	tools/show.c \
	tools/show.h \
	tools/text.c \
	tools/text.h
tools_mio_info_LDADD = lib/libmio.la

# How the build was configured, without the paths that builds are told to
# hide: those differ where nothing else does.
$(tools_mio_conformance_OBJECTS) $(tools_mio_info_OBJECTS): \
	tools/build.h
tools/build.h: config.status
	$(AM_V_GEN)$(MKDIR_P) tools && { \
		hide='s/ *-f[^ =]*-prefix-map=[^ '"'"']*//g'; \
		quote='s/[\\"]/\\&/g'; \
		echo '/* SPDX-License-Identifier: MIT */'; \
		text=`./config.status --config | $(SED) "$$hide; $$quote"`; \
		echo '/* SPDX-License-Identifier: MIT */'; \
		echo "#define BUILD_CONFIGURE \"$$text\""; \
		text=`echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | \
			$(SED) "$$hide; $$quote; s/  */ /g; s/ $$//"`; \
		echo "#define BUILD_COMPILER \"$$text\""; \
		case '$(MIO_BACKENDS)' in \
		*+eventfd*) echo '#define BUILD_EVENTFD 1' ;; \
		esac; } >$@.new && mv $@.new $@

CLEANFILES += \
	tools/build.h \
	tools/build.h.new

TESTS += \
	tools/test-faulty.sh \
	tools/test-info.sh \
	tools/test-manual.sh
EXTRA_DIST += \
	tools/test-conformance.sh \
	tools/test-faulty.sh \
	tools/test-info.sh \
	tools/test-manual.sh \
	tools/testing.sh
