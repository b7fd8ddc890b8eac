# SPDX-License-Identifier: BSD-2-Clause
# The programs of the nested test: build/nested/launcher runs Bulkhead on
# KVM, build/nested/init is the outer Linux's only process besides.

NESTED := build/nested/launcher build/nested/init
NESTED_CC ?= gcc
NESTED_CFLAGS := -std=gnu17 -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow \
	-Wmissing-prototypes -Wstrict-prototypes -Wundef -Wpointer-arith \
	-Wvla -Wimplicit-fallthrough -Wwrite-strings
LAUNCHER_SOURCES := $(filter-out tests/nested/init.c, \
	$(wildcard tests/nested/*.c))

build/nested/launcher: $(LAUNCHER_SOURCES) tests/nested/machine.h
	@mkdir -p $(@D)
	$(NESTED_CC) $(NESTED_CFLAGS) -static -s -pthread -o $@ \
		$(LAUNCHER_SOURCES)

build/nested/init: tests/nested/init.c
	@mkdir -p $(@D)
	$(NESTED_CC) $(NESTED_CFLAGS) -static -s -o $@ $<

.PHONY: nested
nested: $(NESTED)
