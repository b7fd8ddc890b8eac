/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/vmx/caps.h"

#include "arch/x86_64/cpu_backend.h"
#include "arch/x86_64/msr.h"
#include "kernel/errno.h"
#include "kernel/string.h"

enum level {
    NEED,   /* no VM without it */
    USE,    /* used when offered */
    SWITCH, /* used when offered, switched on for the VMs that want it */
    REPORT, /* only told about */
};

static const struct row {
    const char *name;
    uint8_t word; /* enum vmx_word */
    uint8_t bit;
    uint8_t level;
    const char *cost; /* of its absence */
} rows[] = {
    {"external-interrupt exiting", VMX_PIN, 0, NEED, NULL},
    {"NMI exiting", VMX_PIN, 3, NEED, NULL},
    {"virtual NMIs", VMX_PIN, 5, NEED, NULL},
    {"secondary controls", VMX_PROC, 31, NEED, NULL},
    {"TSC offsetting", VMX_PROC, 3, NEED, NULL},
    {"HLT exiting", VMX_PROC, 7, NEED, NULL},
    {"MWAIT exiting", VMX_PROC, 10, NEED, NULL},
    {"RDPMC exiting", VMX_PROC, 11, NEED, NULL},
    {"I/O exiting", VMX_PROC, 24, NEED, NULL},
    {"MSR bitmaps", VMX_PROC, 28, NEED, NULL},
    {"MONITOR exiting", VMX_PROC, 29, NEED, NULL},
    {"EPT", VMX_PROC2, 1, NEED, NULL},
    {"EPT 4-level walk", VMX_EPT, 6, NEED, NULL},
    {"EPT write-back type", VMX_EPT, 14, NEED, NULL},
    {"INVEPT", VMX_EPT, 20, NEED, NULL},
    {"unrestricted guest", VMX_PROC2, 7, NEED, NULL},
    {"save debug controls", VMX_EXIT, 2, NEED, NULL},
    {"64-bit host", VMX_EXIT, 9, NEED, NULL},
    {"acknowledge interrupt on exit", VMX_EXIT, 15, NEED, NULL},
    {"save PAT", VMX_EXIT, 18, NEED, NULL},
    {"load host PAT", VMX_EXIT, 19, NEED, NULL},
    {"load host EFER", VMX_EXIT, 21, NEED, NULL},
    {"load debug controls", VMX_ENTRY, 2, NEED, NULL},
    {"64-bit guest", VMX_ENTRY, 9, SWITCH, "no 64-bit guests"},
    {"load guest PAT", VMX_ENTRY, 14, NEED, NULL},
    {"load guest EFER", VMX_ENTRY, 15, NEED, NULL},
    {"INVEPT single-context", VMX_EPT, 25, USE, "other VMs' EPT entries go"},
    {"INVEPT all-context", VMX_EPT, 26, USE, NULL},
    {"VPID", VMX_PROC2, 5, USE, "each exit and entry flushes the TLB"},
    {"INVVPID", VMX_EPT, 32, USE, "no VPID"},
    {"INVVPID single-context", VMX_EPT, 41, USE, "other vCPUs' entries go"},
    {"INVVPID all-context", VMX_EPT, 42, USE, NULL},
    {"EPT accessed/dirty bits", VMX_EPT, 21, USE, "an exit for each write"},
    {"PML", VMX_PROC2, 17, SWITCH, "a walk of all leaves at each snapshot"},
    {"EPT 2 MiB pages", VMX_EPT, 16, SWITCH, "more TLB misses"},
    {"preemption timer", VMX_PIN, 6, USE, "a host interrupt bounds guests"},
    {"CR8-load exiting", VMX_PROC, 19, SWITCH, NULL},
    {"CR8-store exiting", VMX_PROC, 20, SWITCH, NULL},
    {"TPR shadow", VMX_PROC, 21, SWITCH, "an exit for each CR8 access"},
    {"virtual x2APIC mode", VMX_PROC2, 4, SWITCH, "an exit for each access"},
    {"APIC-register virtualization", VMX_PROC2, 8, SWITCH,
     "an exit for each APIC read"},
    {"virtual-interrupt delivery", VMX_PROC2, 9, SWITCH,
     "exits for interrupt windows and ends of interrupt"},
    {"WBINVD exiting", VMX_PROC2, 6, USE, "guests flush the host's caches"},
    {"ENCLS exiting", VMX_PROC2, 15, USE, NULL},
    {"RDTSCP", VMX_PROC2, 3, USE, "guests have no RDTSCP"},
    {"INVPCID", VMX_PROC2, 12, USE, "guests have no INVPCID"},
    {"XSAVES", VMX_PROC2, 20, REPORT, NULL},
    {"TSC scaling", VMX_PROC2, 25, REPORT, NULL},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROWS <= VMX_FEATURES_MAX, "the feature list is too short");

/* A feature is of use only with another one. */
static const struct {
    const char *name, *without;
} follows[] = {
    {"VPID", "INVVPID"},
    {"PML", "EPT accessed/dirty bits"},
    {"virtual x2APIC mode", "TPR shadow"},
    {"APIC-register virtualization", "TPR shadow"},
    {"virtual-interrupt delivery", "TPR shadow"},
};

uint32_t vmx_adjust(uint64_t capability, uint32_t want)
{
    return (uint32_t)capability | (want & (uint32_t)(capability >> 32));
}

/* A boot word has no blanks: a hyphen stands for one. */
static bool is_named(const char *force, const char *name)
{
    if (!force) {
        return false;
    }
    while (*force && (*force == *name || (*force == '-' && *name == ' '))) {
        force++;
        name++;
    }
    return *force == *name;
}

static uint64_t allowed(const struct vmx_raw *raw, unsigned word)
{
    return word == VMX_EPT ? raw->word[word] : raw->word[word] >> 32;
}

static struct cpu_feature *find(struct cpu_feature *feature, const char *name)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if (strcmp(feature[i].name, name) == 0) {
            return &feature[i];
        }
    }
    return NULL;
}

/* Processors got virtual-interrupt delivery together with posted interrupts.
 * What offers the one without the other is an emulation, and those that are
 * known get it wrong: KVM (Linux 6.1), nested, ignores the EOI-exit bitmap,
 * so that level-triggered interrupts come once and never again; Bochs 2.7
 * delivers a waiting interrupt into a guest with IF=0 when a host interrupt
 * comes at the same time. */
static bool is_unsound(const struct vmx_raw *raw)
{
    return !(allowed(raw, VMX_PIN) & PIN_POSTED);
}

static void list_features(const struct vmx_raw *raw, const char *force,
                          struct cpu_feature *feature)
{
    for (unsigned i = 0; i < ROWS; i++) {
        bool forced = is_named(force, rows[i].name);
        bool offered = allowed(raw, rows[i].word) >> rows[i].bit & 1;

        feature[i] = (struct cpu_feature){
            .name = rows[i].name,
            .offered = offered && !forced,
            .forced = forced,
            .used = offered && !forced && rows[i].level != REPORT,
            .cost = rows[i].cost,
        };
    }
    if (!find(feature, "INVVPID single-context")->used &&
        !find(feature, "INVVPID all-context")->used) {
        find(feature, "INVVPID")->used = false;
    }
    if (is_unsound(raw)) {
        find(feature, "virtual-interrupt delivery")->used = false;
    }
    for (unsigned i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
        if (!find(feature, follows[i].without)->used) {
            find(feature, follows[i].name)->used = false;
        }
    }
}

/* The MSR that tells about a word. */
static uint32_t capability_msr(const struct vmx_raw *raw, unsigned word)
{
    static const uint32_t plain[VMX_WORDS] = {
        MSR_VMX_PIN,  MSR_VMX_PROC,  MSR_VMX_PROC2,
        MSR_VMX_EXIT, MSR_VMX_ENTRY, MSR_VMX_EPT_VPID,
    };
    static const uint32_t exact[VMX_WORDS] = {
        MSR_VMX_TRUE_PIN,  MSR_VMX_TRUE_PROC,  MSR_VMX_PROC2,
        MSR_VMX_TRUE_EXIT, MSR_VMX_TRUE_ENTRY, MSR_VMX_EPT_VPID,
    };

    return raw->basic >> 55 & 1 ? exact[word] : plain[word];
}

static int say_missing(const struct vmx_raw *raw, unsigned row,
                       struct cpu_missing *missing)
{
    unsigned word = rows[row].word;

    *missing = (struct cpu_missing){
        .name = rows[row].name,
        .msr = capability_msr(raw, word),
        .bit = rows[row].bit + (word == VMX_EPT ? 0 : 32),
        .hint = "this processor, or the hypervisor below, does not offer it",
    };
    return -ENODEV;
}

static void derive(const struct vmx_raw *raw, struct vmx_caps *caps)
{
    caps->cr0_fixed0 = raw->cr0_fixed0;
    caps->cr0_fixed1 = raw->cr0_fixed1;
    caps->cr4_fixed0 = raw->cr4_fixed0;
    caps->cr4_fixed1 = raw->cr4_fixed1;
    caps->revision = (uint32_t)raw->basic & 0x7fffffff;
    caps->timer_shift = raw->misc & 31;
    caps->invept = caps->word[VMX_EPT] & EPT_CAP_INVEPT_ONE ? 1 : 2;
    caps->invvpid = 0;
    if (caps->word[VMX_PROC2] & PROC2_VPID) {
        caps->invvpid = caps->word[VMX_EPT] & EPT_CAP_INVVPID_ONE ? 1 : 2;
    }
}

int vmx_caps_decide(const struct vmx_raw *raw, const char *force,
                    struct vmx_caps *caps, struct cpu_feature *feature,
                    unsigned *count, struct cpu_missing *missing)
{
    uint64_t want[VMX_WORDS] = {0};

    list_features(raw, force, feature);
    *count = ROWS;
    memset(caps, 0, sizeof(*caps));
    for (unsigned i = 0; i < ROWS; i++) {
        uint64_t bit = 1ul << rows[i].bit;

        if (rows[i].level == NEED && !feature[i].used) {
            return say_missing(raw, i, missing);
        }
        if (feature[i].used) {
            caps->may[rows[i].word] |= bit;
            want[rows[i].word] |= rows[i].level == SWITCH ? 0 : bit;
        }
    }
    if (!(caps->may[VMX_EPT] & (EPT_CAP_INVEPT_ONE | EPT_CAP_INVEPT_ALL))) {
        unsigned row = 0;

        while (rows[row].word != VMX_EPT || rows[row].bit != 25) {
            row++;
        }
        return say_missing(raw, row, missing);
    }
    for (unsigned word = 0; word < VMX_EPT; word++) {
        caps->word[word] = vmx_adjust(raw->word[word], (uint32_t)want[word]);
    }
    caps->word[VMX_EPT] = caps->may[VMX_EPT];
    derive(raw, caps);
    return 0;
}
