# SPDX-License-Identifier: BSD-2-Clause
# Firmware that behaves badly, for tests: build/guests/unruly.efi.

UNRULY_CFLAGS := $(filter-out -Wconversion,$(EFI_CFLAGS))

build/guests/obj/unruly.o: tests/efi/unruly.c tests/efi/efi.mk
	@mkdir -p $(@D)
	@$(CC) $(UNRULY_CFLAGS) -c -o $@ $<

build/guests/unruly.so: build/guests/obj/unruly.o
	@ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined \
		--no-warn-rwx-segments -T $(EFI_LIBRARY)/elf_x86_64_efi.lds \
		-o $@ $(EFI_LIBRARY)/crt0-efi-x86_64.o $^ \
		$(EFI_LIBRARY)/libefi.a $(EFI_LIBRARY)/libgnuefi.a

build/guests/unruly.efi: build/guests/unruly.so
	@objcopy $(EFI_SECTIONS) --target efi-app-x86_64 $< $@
