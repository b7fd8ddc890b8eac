# SPDX-License-Identifier: BSD-2-Clause
# The UEFI loader, a program of its own: build/BOOTX64.EFI, by gnu-efi. It
# shares kernel/'s pure leaves (strings, formatting) as sources, no object.

EFI_LEAVES := kernel/string.c kernel/format.c kernel/config.c kernel/words.c
EFI_OBJS := $(patsubst %,$(BUILD)/efi/%.o,$(sort $(wildcard boot/efi/*.c \
	boot/efi/*.S)) $(EFI_LEAVES))
EFI_INCLUDES := -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 \
	-DGNU_EFI_USE_MS_ABI
EFI_LIBRARY := /usr/lib
EFI_SECTIONS := -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel \
	-j .rela -j '.rel.*' -j '.rela.*' -j .reloc
EFI_CFLAGS := -std=gnu17 -O2 -ffreestanding -fno-builtin -fpic -fshort-wchar \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-delete-null-pointer-checks $(WARNINGS) -I. $(EFI_INCLUDES)

$(BUILD)/efi/%.c.o: %.c boot/efi/efi.mk
	@mkdir -p $(@D)
	@$(CC) $(EFI_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/efi/%.S.o: %.S boot/efi/efi.mk
	@mkdir -p $(@D)
	@$(CC) -I. -MMD -MP -c -o $@ $<

$(BUILD)/efi/loader.so: $(EFI_OBJS)
	@ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined \
		--no-warn-rwx-segments -T $(EFI_LIBRARY)/elf_x86_64_efi.lds \
		-o $@ $(EFI_LIBRARY)/crt0-efi-x86_64.o $^ \
		$(EFI_LIBRARY)/libgnuefi.a

$(BUILD)/BOOTX64.EFI: $(BUILD)/efi/loader.so
	@objcopy $(EFI_SECTIONS) --target efi-app-x86_64 $< $@
	@echo "built $@"

efi: $(BUILD)/BOOTX64.EFI ## the UEFI loader: build/BOOTX64.EFI

.PHONY: efi

-include $(EFI_OBJS:.o=.d)
