# SPDX-License-Identifier: BSD-2-Clause
# libFuzzer targets: build/fuzz/fuzz_NAME from tests/fuzz/fuzz_NAME.c, which
# names the sources that it links as a unit test does.

FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_BINS := $(FUZZ:%=$(BUILD)/fuzz/%)
FUZZ_CC ?= clang-14
FUZZ_SECONDS ?= 60
FUZZ_CFLAGS := -std=gnu17 -g -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all $(WARNINGS) -Wno-conversion \
	-Itests/fuzz -I. -I$(BUILD)/gen

fuzz_sources = $(foreach source,$(shell \
	sed -n '1,3s|^/\* sources:\(.*\)\*/|\1|p' tests/fuzz/$(1).c),\
	$(or $(wildcard $(source)),$(source)))
fuzz_objs = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,\
	tests/fuzz/$(1).c $(call fuzz_sources,$(1)))

define fuzz_rule
$(BUILD)/fuzz/$(1): $(call fuzz_objs,$(1))
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $$@ $$^
-include $(patsubst %.o,%.d,$(call fuzz_objs,$(1)))
endef
$(foreach target,$(FUZZ),$(eval $(call fuzz_rule,$(target))))

$(BUILD)/fuzz/obj/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

fuzz-bins: $(FUZZ_BINS)

test-fuzz: $(FUZZ_BINS) ## the fuzz targets alone, briefly
	@tests/run --only fuzz

fuzz: $(FUZZ_BINS) ## fuzzing, FUZZ_SECONDS=60 for each target
	@tests/fuzz/fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

random: $(BUILD)/bulkhead.elf $(GUEST_ELFS) ## random guest: ATTEMPTS=20000000 SEED=1
	@BULKHEAD_RANDOM=$(or $(ATTEMPTS),20000000) \
		BULKHEAD_RANDOM_SEED=$(or $(SEED),1) \
		/usr/bin/python3 -m pytest -q -s -p no:cacheprovider \
		tests/machine/test_random.py -k million

.PHONY: random fuzz fuzz-bins test-fuzz
