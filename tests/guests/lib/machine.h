/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine as a whole: start, options, guest interface, end. */
#ifndef GUESTS_LIB_MACHINE_H
#define GUESTS_LIB_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/guests/lib/cpu.h"

#define PORT_SIGNATURE 0x5B00u
#define PORT_SNAPSHOT  0x5B04u
#define PORT_RESTORES  0x5B08u
#define PORT_ROLLBACK  0x5B0Cu
#define PORT_HEARTBEAT 0x5B10u
#define PORT_PVPANIC   0x505u
#define PORT_RESET     0xCF9u

#define SIGNATURE      0x4B484C42u /* "BLHK" */

enum host_call {
    HOST_SIGNATURE,
    HOST_SNAPSHOT,
    HOST_RESTORES,
    HOST_ROLLBACK,
    HOST_HEARTBEAT,
};

/* Called by start.S with what the Multiboot loader left. */
void guest_start(uint32_t magic, uint32_t info);

/* Each guest's own part; returning powers off. */
void guest_main(void);

/* Does the hypervisor offer the guest interface? */
bool machine_hosted(void);

/* The end of RAM that starts at 1 MiB, as the loader told. */
uint32_t machine_ram_end(void);

/* The Multiboot memory map: *length bytes, or a null pointer. */
const uint8_t *machine_memory_map(uint32_t *length);

/* Power off, by whatever this machine has for it. */
_Noreturn void machine_off(void);

/* Is word on the command line, by itself or before a '='? */
bool option(const char *word);

/* The number behind `word=`, decimal or 0x, or otherwise. */
uint32_t option_number(const char *word, uint32_t otherwise);

/* Does the list behind `word=` (a,b,c) hold item? True without the word. */
bool option_lists(const char *word, const char *item);

/* VMCALL: number in EAX, argument in EBX and ECX; the result is EAX. */
static inline uint32_t host_vmcall(uint32_t number, uint32_t argument)
{
    __asm__ volatile("vmcall"
                     : "+a"(number)
                     : "b"(argument), "c"(argument)
                     : "memory");
    return number;
}

#endif
