# SPDX-License-Identifier: BSD-2-Clause
# The small Multiboot1 guests: build/guests/NAME.elf from tests/guests/NAME/.

GUESTS := hello timing platform beat crash busy hostile random
GUEST_ELFS := $(GUESTS:%=build/guests/%.elf) build/guests/chain.elf \
	build/guests/unruly.efi

GUEST_CC ?= gcc
GUEST_CFLAGS := -m32 -march=i686 -std=gnu17 -O2 -ffreestanding -nostdlib \
	-fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -mgeneral-regs-only -mno-red-zone \
	-Wall -Wextra -Werror -Wconversion -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wundef -Wpointer-arith -Wvla \
	-Wimplicit-fallthrough -Wwrite-strings -I.
GUEST_ASFLAGS := -m32 -I.
GUEST_LDFLAGS := -m elf_i386 -nostdlib -static --no-warn-rwx-segments \
	-z noexecstack -T tests/guests/guest.ld

guest_objs = $(patsubst %,build/guests/obj/%.o, \
	$(sort $(wildcard tests/guests/$(1)/*.c tests/guests/$(1)/*.S)))

GUEST_LIB_OBJS := $(call guest_objs,lib)

define guest_rule
build/guests/$(1).elf: $$(GUEST_LIB_OBJS) $(call guest_objs,$(1)) \
		tests/guests/guest.ld
	@mkdir -p $$(@D)
	@ld $$(GUEST_LDFLAGS) -o $$@ $$(filter %.o,$$^)
endef
$(foreach guest,$(GUESTS),$(eval $(call guest_rule,$(guest))))

# No guest, but a loader: far from where Bulkhead's image goes.
build/guests/chain.elf: $(call guest_objs,chain) tests/guests/guest.ld
	@mkdir -p $(@D)
	@sed 's/= 0x100000/= 0x3000000/' tests/guests/guest.ld >$@.ld
	@ld $(subst tests/guests/guest.ld,$@.ld,$(GUEST_LDFLAGS)) -o $@ \
		$(filter %.o,$^)

build/guests/obj/%.c.o: %.c tests/guests/guests.mk
	@mkdir -p $(@D)
	@$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

build/guests/obj/%.S.o: %.S tests/guests/guests.mk
	@mkdir -p $(@D)
	@$(GUEST_CC) $(GUEST_ASFLAGS) -MMD -MP -c -o $@ $<

.PHONY: guests
guests: $(GUEST_ELFS) ## the small test guests: build/guests

-include $(foreach guest,lib chain $(GUESTS), \
	$(patsubst %.o,%.d,$(call guest_objs,$(guest))))
