/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define CR4_RESERVED (1u << 31)

static uint32_t try_cr0(uint32_t value)
{
    return TRAP_TRY("movl %0, %%cr0", : : "r"(value) : "memory");
}

static uint32_t try_cr4(uint32_t value)
{
    return TRAP_TRY("movl %0, %%cr4", : : "r"(value) : "memory");
}

static void toggles(void)
{
    uint32_t cr0 = read_cr0(), cr4 = read_cr4();
    uint32_t bits0 = CR0_WP | CR0_AM | CR0_NE | CR0_MP;
    uint32_t bits4 = CR4_PSE | CR4_PGE | CR4_DE | CR4_MCE;

    write_cr0(cr0 | bits0);
    check_equal("control.cr0_set", read_cr0() & bits0, bits0);
    write_cr0(cr0 & ~bits0);
    check_equal("control.cr0_clear", read_cr0() & bits0, 0);
    write_cr0(cr0 | CR0_CD);
    check_equal("control.cr0_cd", read_cr0() & CR0_CD, CR0_CD);
    write_cr0(cr0);
    check_equal("control.cr0_back", read_cr0(), cr0);
    write_cr4(cr4 | bits4);
    check_equal("control.cr4_set", read_cr4() & bits4, bits4);
    write_cr4(cr4 & ~bits4);
    check_equal("control.cr4_clear", read_cr4() & bits4, 0);
    write_cr4(cr4);
    check_equal("control.cr4_vmxe_hidden", read_cr4() & CR4_VMXE, 0);
}

static void refused(void)
{
    uint32_t cr0 = read_cr0(), cr4 = read_cr4();

    if (!machine_hosted() && (cpuid(1).ecx >> 31) != 0) {
        check_skip("control.gp", "QEMU checks too little");
        return;
    }
    check_equal("control.gp_cr0_nw", try_cr0((cr0 & ~CR0_CD) | CR0_NW),
                TRAP_GP);
    check_equal("control.gp_cr0_pg_pe", try_cr0((cr0 & ~1u) | CR0_PG), TRAP_GP);
    check_equal("control.gp_cr4_reserved", try_cr4(cr4 | CR4_RESERVED),
                TRAP_GP);
    check_equal("control.cr0_kept", read_cr0(), cr0);
    check_equal("control.cr4_kept", read_cr4(), cr4);
    if (!machine_hosted())
        return;
    check_equal("control.gp_cr4_vmxe", try_cr4(cr4 | CR4_VMXE), TRAP_GP);
    check_equal("control.gp_cr4_osxsave", try_cr4(cr4 | 1u << 18), TRAP_GP);
}

/* Instructions of features that the hypervisor hides. */
static void hidden(void)
{
    static uint64_t region;

    check_equal("control.ud_vmxon",
                TRAP_TRY("vmxon %0",
                         :
                         : "m"(region)
                         : "memory", "cc"),
                TRAP_UD);
    check_equal("control.ud_monitor",
                TRAP_TRY("monitor",
                         :
                         : "a"(&region), "c"(0), "d"(0)),
                TRAP_UD);
    check_equal("control.ud_mwait",
                TRAP_TRY("mwait",
                         :
                         : "a"(0), "c"(0)),
                TRAP_UD);
    check_equal("control.ud_xsetbv",
                TRAP_TRY("xsetbv",
                         :
                         : "a"(1), "c"(0), "d"(0)),
                TRAP_UD);
    check_equal("control.ud_vmrun",
                TRAP_TRY("vmrun",
                         :
                         : "a"(&region)
                         : "memory"),
                TRAP_UD);
}

/* RDTSCP and INVPCID follow their CPUID bits. */
static void derived(void)
{
    bool rdtscp = (cpuid(0x80000001u).edx >> 27 & 1) != 0;
    bool invpcid = (cpuid_count(7, 0).ebx >> 10 & 1) != 0;
    static const uint64_t all[2];
    uint32_t caught;

    caught = TRAP_TRY("rdtscp", : : : "eax", "ecx", "edx");
    check_equal("control.rdtscp", caught, rdtscp ? TRAP_NONE : TRAP_UD);
    caught = TRAP_TRY("invpcid %1, %0", : : "r"(2), "m"(all) : "memory");
    check_equal("control.invpcid", caught, invpcid ? TRAP_NONE : TRAP_UD);
}

static void plain(void)
{
    uint32_t a = 0, b = 0, quotient = 1;

    check_equal("control.wbinvd",
                TRAP_TRY("wbinvd",
                         :
                         :
                         : "memory"),
                TRAP_NONE);
    check_equal("control.invlpg",
                TRAP_TRY("invlpg (%0)",
                         :
                         : "r"(0)
                         : "memory"),
                TRAP_NONE);
    check_equal("control.divide_error",
                TRAP_TRY("divl %2",
                         : "+a"(quotient), "+d"(a)
                         : "r"(b)
                         : "cc"),
                TRAP_DE);
    check_equal("control.ud2", TRAP_TRY("ud2", : :), TRAP_UD);
    check_equal("control.gp_int",
                TRAP_TRY("movw %w0, %%ds",
                         :
                         : "r"(0x100)),
                TRAP_GP);
    check_equal("control.gp_error", trap_error, 0x100);
}

void platform_control(void)
{
    toggles();
    refused();
    plain();
    if (!machine_hosted())
        return;
    hidden();
    derived();
}

void platform_host(void)
{
    uint32_t restores;

    if (!machine_hosted()) {
        check_skip("host", "no guest interface");
        return;
    }
    restores = inl(PORT_RESTORES);
    check_equal("host.signature", inl(PORT_SIGNATURE), SIGNATURE);
    check_equal("host.vmcall_signature", host_vmcall(HOST_SIGNATURE, 0),
                SIGNATURE);
    check_equal("host.vmcall_restores", host_vmcall(HOST_RESTORES, 0),
                restores);
    outl(PORT_HEARTBEAT, 1);
    host_vmcall(HOST_HEARTBEAT, 2);
    host_vmcall(0xFFFFFFFFu, 0);
    check(true, "host.heartbeat_and_unknown");
}
