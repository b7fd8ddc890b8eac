# SPDX-License-Identifier: BSD-2-Clause
# Bulkhead. `make help` lists the targets.

CC := gcc
BUILD := build
EMU ?= bochs

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# ---- the hypervisor -------------------------------------------------------

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wundef -Wpointer-arith -Wvla \
	-Wimplicit-fallthrough -Wwrite-strings
CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-builtin -mcmodel=kernel \
	-mno-red-zone -mgeneral-regs-only -fno-pic -fno-pie \
	-fno-stack-protector -fcf-protection=none -fno-omit-frame-pointer \
	-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks \
	$(WARNINGS) -I. -I$(BUILD)/gen
ASFLAGS := -g -I.
LDFLAGS := -nostdlib -static -no-pie -z max-page-size=4096 -z noexecstack \
	--no-warn-rwx-segments --build-id=sha1 -T boot/bulkhead.lds

folder_objs = $(patsubst %,$(BUILD)/obj/%.o,\
	$(sort $(wildcard $(1:%=%/*.c) $(1:%=%/*.S))))

BOOT_OBJS := $(call folder_objs,boot)
ARCH_OBJS := $(call folder_objs,arch/x86_64 arch/x86_64/mca arch/x86_64/vmx)
DRIVER_OBJS := $(call folder_objs,drivers) $(BUILD)/obj/gen/font.c.o
VMM_OBJS := $(call folder_objs,vmm vmm/devices) $(BUILD)/obj/gen/dsdt.c.o
FT_OBJS := $(call folder_objs,ft)

# kernel/ in three parts: services that everyone may use; what stands on
# arch and drivers; and main.c with its steps start_*.c, which put the machine
# together (with the self-check, which looks at all of it).
LEAF := string format words fault log event fact frame panic symbols crc32c \
	time config black_box
LEAF_OBJS := $(LEAF:%=$(BUILD)/obj/kernel/%.c.o)
MAIN_OBJS := $(patsubst %,$(BUILD)/obj/%.o,kernel/main.c \
	kernel/self_check.c $(sort $(wildcard kernel/start_*.c)))
KERNEL_OBJS := $(filter-out $(LEAF_OBJS) $(MAIN_OBJS),\
	$(call folder_objs,kernel))
LAYERS := BOOT ARCH DRIVER LEAF KERNEL VMM FT MAIN

# Who may call whom (the rooms). tools/layers compares the undefined symbols
# of each layer with it; a call that is not allowed fails the build.
MAY_CALL := \
	BOOT:MAIN ARCH:LEAF DRIVER:ARCH,LEAF LEAF:ARCH \
	KERNEL:LEAF,ARCH,DRIVER VMM:KERNEL,LEAF,ARCH FT:VMM,KERNEL,LEAF \
	MAIN:BOOT,ARCH,DRIVER,LEAF,KERNEL,VMM,FT

OBJS := $(foreach layer,$(LAYERS),$($(layer)_OBJS))

all: $(BUILD)/bulkhead.elf $(BUILD)/BOOTX64.EFI ## the hypervisor: build/bulkhead.elf

include boot/efi/efi.mk

$(BUILD)/obj/gen/%.c.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.c.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S
	@mkdir -p $(@D)
	@$(CC) $(ASFLAGS) -MMD -MP -c -o $@ $<

# The guests' DSDT, by Debian's ACPI compiler.
$(BUILD)/gen/dsdt.c: vmm/acpi/dsdt.asl tools/aml2c
	@mkdir -p $(@D)
	@iasl -p $(BUILD)/gen/dsdt $< >$(BUILD)/gen/dsdt.log || \
		{ cat $(BUILD)/gen/dsdt.log; exit 1; }
	@tools/aml2c $(BUILD)/gen/dsdt.aml acpi_dsdt >$@

# The screen's font, from Debian's GRUB.
$(BUILD)/gen/font.c: tools/font2c /usr/share/grub/ascii.pf2
	@mkdir -p $(@D)
	@tools/font2c /usr/share/grub/ascii.pf2 font_8x16 >$@

# Linked twice: the symbol table of the first image goes into the second.
$(BUILD)/gen/no_symbols.c: tools/symbols
	@mkdir -p $(@D)
	@tools/symbols >$@

$(BUILD)/bulkhead.pass1: $(OBJS) $(BUILD)/obj/gen/no_symbols.c.o \
		boot/bulkhead.lds $(BUILD)/layers.ok
	@ld $(LDFLAGS) -o $@ $(filter %.o,$^)

$(BUILD)/gen/symbols.c: $(BUILD)/bulkhead.pass1
	@tools/symbols $< >$@

$(BUILD)/bulkhead.elf: $(OBJS) $(BUILD)/obj/gen/symbols.c.o boot/bulkhead.lds
	@ld $(LDFLAGS) -o $@ $(filter %.o,$^)
	@tools/check-image $@
	@echo "built $@"

$(BUILD)/layers.ok: $(OBJS) tools/layers Makefile
	@tools/layers $(MAY_CALL) -- \
		$(foreach l,$(LAYERS),$(l)= $($(l)_OBJS))
	@touch $@

-include $(OBJS:.o=.d)

# ---- tests ----------------------------------------------------------------

UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_BINS := $(UNIT:%=$(BUILD)/unit/%)
UNIT_CFLAGS := -std=gnu17 -g -O1 -fsanitize=address,undefined \
	-fno-sanitize-recover=all $(WARNINGS) -Wno-conversion \
	-Wno-missing-prototypes -I. -I$(BUILD)/gen $(EFI_INCLUDES)

# A comment at the head of a unit test names the sources that it links.
# What is generated need not be there yet.
unit_sources = $(foreach source,$(shell \
	sed -n '1,6s|^/\* sources:\(.*\)\*/|\1|p' tests/unit/$(1).c),\
	$(or $(wildcard $(source)),$(source)))

# One compiler run for several sources would keep the last one's headers only.
define unit_rule
unit_$(1) := tests/unit/$(1).c $(call unit_sources,$(1))
$(BUILD)/unit/$(1): $$(unit_$(1)) $(wildcard tests/unit/*.h) Makefile
	@mkdir -p $$(@D)
	@$(CC) $(UNIT_CFLAGS) -MM -MP -MT $$@ $$(unit_$(1)) >$$@.d
	@$(CC) $(UNIT_CFLAGS) -o $$@ $$(unit_$(1)) -lcmocka
endef
$(foreach test,$(UNIT),$(eval $(call unit_rule,$(test))))
-include $(UNIT_BINS:=.d)

unit-bins: $(UNIT_BINS)

include tests/guests/guests.mk
include tests/efi/efi.mk
include tests/nested/nested.mk
include tests/fuzz/fuzz.mk

# Debian's kernel, unmodified, and a small initramfs around our helper.
GUEST_LINUX := build/guest/vmlinuz build/guest/initrd.img

TEST_FILES := $(BUILD)/bulkhead.elf $(BUILD)/BOOTX64.EFI $(UNIT_BINS) $(GUEST_ELFS) $(NESTED) \
	$(GUEST_LINUX) $(FUZZ_BINS)
TEST_ENV := BULKHEAD_VMLINUZ=build/guest/vmlinuz

test: | setup ## all tests; ends with "N passed, N failed"
	@$(MAKE) --no-print-directory test-files
	@$(TEST_ENV) tests/run $(UNIT_BINS)

# The same sources are built by clang, too.
test-files: $(TEST_FILES) clang

test-unit: $(UNIT_BINS) $(GUEST_LINUX) ## the unit tests alone
	@$(TEST_ENV) tests/run --only unit $(UNIT_BINS)

test-machine: $(TEST_FILES) ## the whole-machine tests alone
	@tests/run --only machine

test-nested: $(TEST_FILES) ## the nested tests alone
	@tests/run --only nested

# ---- guests, runs ---------------------------------------------------------

build/guest/vmlinuz: tools/fetch-kernel
	@tools/fetch-kernel
	@touch $@

build/guest/initrd.img: tools/mkinitramfs $(wildcard tools/guest/*) \
		build/guest/vmlinuz
	@tools/mkinitramfs

setup: ## installs the Debian packages that are needed
	@tools/setup

demo: | setup ## the whole story on an emulated machine (EMU=bochs|kvm)
	@$(MAKE) --no-print-directory $(BUILD)/bulkhead.elf $(GUEST_LINUX)
	@tools/demo --emu $(EMU)

run: | setup ## the same machine for a person: consoles and the monitor
	@$(MAKE) --no-print-directory $(BUILD)/bulkhead.elf $(GUEST_LINUX)
	@tools/run --emu $(EMU) --timeout 0 -- $(RUN_GUESTS)

USB ?= $(BUILD)/bulkhead-usb.img

usb: | setup ## the image of a USB stick, for BIOS and UEFI (USB=FILE)
	@$(MAKE) --no-print-directory all $(GUEST_LINUX)
	@tools/mkusb -o $(USB) --boot screen=on -- $(RUN_GUESTS)

bench: | setup ## path lengths in Bochs ticks, beside the bare machine's
	@$(MAKE) --no-print-directory $(BUILD)/bulkhead.elf $(GUEST_ELFS) \
		$(GUEST_LINUX)
	@tools/bench

soak: | setup ## 100,000 restores and 1,000 of Debian, each verified (hours)
	@$(MAKE) --no-print-directory $(BUILD)/bulkhead.elf $(GUEST_ELFS) \
		$(GUEST_LINUX)
	@tools/soak

RUN_GUESTS := \
	'build/guest/vmlinuz vm=alpha mem=128M hv=kvm snapshot=manual -- \
	console=ttyS0 quiet cryptomgr.notests bh.name=alpha' \
	'build/guest/initrd.img vm=alpha initrd' \
	'- vm=beta mem=128M hv=kvm snapshot=manual kernel-of=alpha \
	initrd-of=alpha -- console=ttyS0 quiet cryptomgr.notests bh.name=beta'

clang: ## the hypervisor once more, built by clang
	@$(MAKE) --no-print-directory BUILD=build/clang CC=clang-14 all

# ---- help -----------------------------------------------------------------

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

clean: ## removes what was built
	rm -rf $(BUILD)

.PHONY: all clang unit-bins test test-files test-unit test-machine test-nested \
	setup demo run usb bench help clean
