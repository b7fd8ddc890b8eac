/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/severity.h"

/* Conditions besides the status bits; of the contexts one must hold. */
#define IN_EXCEPTION 0x01u
#define WITH_SER     0x02u
#define WITH_FIXUP   0x04u
#define GUEST        0x10u
#define SERVING      0x20u
#define CORE         0x40u
#define ROOT         (SERVING | CORE)
#define CONTEXTS     (GUEST | ROOT)

#define VAL          MCI_STATUS_VAL
#define OVER         MCI_STATUS_OVER
#define UC           MCI_STATUS_UC
#define PCC          MCI_STATUS_PCC
#define S            MCI_STATUS_S
#define AR           MCI_STATUS_AR
#define SAR          (UC | S | AR)
#define ADDR         (MCI_STATUS_ADDRV | MCI_STATUS_MISCV)

#define RIPV         MCG_STATUS_RIPV
#define EIPV         MCG_STATUS_EIPV
#define MCIP         MCG_STATUS_MCIP

#define UC_AR        (UC | AR)
#define CODE         (SAR | MCACOD_MASK)
#define DATA         (SAR | MCACOD_DATA)
#define INSTR        (SAR | MCACOD_INSTR)

struct row {
    uint64_t mask; /* status & mask == value */
    uint64_t value;
    uint64_t mcg_mask; /* the same for MCG_STATUS */
    uint64_t mcg_value;
    unsigned when;
    enum fault_severity severity;
    const char *name;
};

static const struct row rows[] = {
    {VAL, 0, 0, 0, 0, SEVERITY_NONE, "not valid"},
    {MCI_STATUS_EN, 0, 0, 0, IN_EXCEPTION, SEVERITY_NONE, "not enabled"},
    {PCC, PCC, 0, 0, 0, SEVERITY_FATAL, "processor context corrupt"},
    {0, 0, MCIP, 0, IN_EXCEPTION, SEVERITY_FATAL, "MCIP clear in the handler"},
    {0, 0, RIPV | EIPV, 0, IN_EXCEPTION, SEVERITY_FATAL,
     "neither restart nor error RIP"},
    /* "Recoverable, not continuable" (SDM vol. 3, 15.9.3.2): what ran has to
     * end, and the service of a VM can, since it leaves its stack behind. */
    {0, 0, RIPV, 0, IN_EXCEPTION | CORE, SEVERITY_FATAL,
     "no restart RIP in the core"},
    {UC, 0, 0, 0, 0, SEVERITY_CORRECTED, "corrected"},
    /* SRAO may come by #MC or by CMCI, so S does not count. */
    {UC_AR | MCACOD_SCRUB_MASK, UC | MCACOD_SCRUB, 0, 0, WITH_SER,
     SEVERITY_OPTIONAL, "action optional: memory scrub"},
    {UC_AR | MCACOD_MASK, UC | MCACOD_L3WB, 0, 0, WITH_SER, SEVERITY_OPTIONAL,
     "action optional: L3 write-back"},
    {SAR, UC, 0, 0, WITH_SER, SEVERITY_DEFERRED, "no action required (UCNA)"},
    {OVER | SAR, UC_AR, 0, 0, WITH_SER, SEVERITY_FATAL,
     "illegal: AR without S"},
    /* With OVER the bits may be those of two errors. */
    {S, 0, 0, 0, WITH_SER, SEVERITY_DEFERRED, "not signalled"},
    {OVER | SAR, OVER | SAR, 0, 0, WITH_SER, SEVERITY_FATAL,
     "action required with lost events"},
    {SAR | ADDR, SAR | ADDR, RIPV | EIPV, RIPV, WITH_SER | IN_EXCEPTION,
     SEVERITY_DEFERRED, "action required of another thread"},
    /* A fix-up entry for a RIP that is not that of the error is chance. */
    {CODE, DATA, EIPV, EIPV, WITH_SER | IN_EXCEPTION | ROOT | WITH_FIXUP,
     SEVERITY_ACTION, "action required: data load with a fix-up"},
    {CODE, DATA, 0, 0, WITH_SER | GUEST, SEVERITY_ACTION,
     "action required: data load in a guest"},
    {CODE, INSTR, 0, 0, WITH_SER | GUEST, SEVERITY_ACTION,
     "action required: instruction fetch in a guest"},
    {CODE, DATA, 0, 0, WITH_SER | SERVING, SEVERITY_ACTION,
     "action required: data load while serving"},
    {CODE, INSTR, 0, 0, WITH_SER | SERVING, SEVERITY_ACTION,
     "action required: instruction fetch while serving"},
    {CODE, DATA, 0, 0, WITH_SER | CORE, SEVERITY_FATAL,
     "data load in the core"},
    {CODE, INSTR, 0, 0, WITH_SER | CORE, SEVERITY_FATAL,
     "instruction fetch in the core"},
    {SAR, SAR, 0, 0, WITH_SER, SEVERITY_FATAL, "action required: unknown code"},
    {OVER | SAR, UC | S, 0, 0, WITH_SER, SEVERITY_CORRECTED,
     "action optional: unknown code"},
    {OVER | UC, OVER | UC, 0, 0, 0, SEVERITY_FATAL,
     "uncorrected with lost events"},
    /* Reached without SER_P only. */
    {0, 0, 0, 0, 0, SEVERITY_FATAL, "uncorrected"},
};

#define ROWS ((unsigned)(sizeof(rows) / sizeof(rows[0])))

static unsigned context_bit(enum fault_context context)
{
    switch (context) {
    case CONTEXT_GUEST:
        return GUEST;
    case CONTEXT_SERVING:
        return SERVING;
    case CONTEXT_CORE:
        break;
    }
    return CORE;
}

static unsigned circumstances(const struct mca_record *record)
{
    return context_bit(record->context) |
           (record->in_exception ? IN_EXCEPTION : 0u) |
           (record->mcg_cap & MCG_CAP_SER_P ? WITH_SER : 0u) |
           (record->fixup ? WITH_FIXUP : 0u);
}

static bool row_matches(const struct row *row, const struct mca_record *record,
                        unsigned have)
{
    unsigned contexts = row->when & CONTEXTS;
    unsigned needs = row->when & ~CONTEXTS;

    return (record->status & row->mask) == row->value &&
           (record->mcg_status & row->mcg_mask) == row->mcg_value &&
           (have & needs) == needs && (contexts == 0 || (have & contexts));
}

enum fault_severity mca_severity(const struct mca_record *record, unsigned *row)
{
    unsigned have = circumstances(record);
    unsigned i = 0;

    while (i < ROWS - 1 && !row_matches(&rows[i], record, have))
        i++;
    if (row)
        *row = i;
    return rows[i].severity;
}

unsigned mca_severity_rows(void)
{
    return ROWS;
}

const char *mca_severity_row_name(unsigned row)
{
    return row < ROWS ? rows[row].name : "?";
}

bool mca_address(const struct mca_record *record, uint64_t *address,
                 uint8_t *lsb)
{
    const uint64_t need = MCI_STATUS_VAL | MCI_STATUS_ADDRV | MCI_STATUS_MISCV;
    uint64_t low = record->misc & MCI_MISC_LSB;

    if (!(record->mcg_cap & MCG_CAP_SER_P) || (record->status & need) != need ||
        (record->misc & MCI_MISC_MODE) != MCI_MISC_MODE_PHYS ||
        low >= MCI_ADDR_BITS)
        return false;
    *address = record->address & ((1ull << MCI_ADDR_BITS) - (1ull << low));
    *lsb = (uint8_t)low;
    return true;
}

/* Root code that consumed the error goes on at its fix-up or not at all. */
static bool is_restartable(const struct mca_record *record,
                           const struct row *row)
{
    if (!record->in_exception)
        return true;
    if (row->severity == SEVERITY_ACTION && record->context != CONTEXT_GUEST &&
        !(row->when & WITH_FIXUP))
        return false;
    return record->mcg_status & MCG_STATUS_RIPV;
}

void mca_to_fault(const struct mca_record *record, struct fault *fault)
{
    unsigned row;

    fault->kind = FAULT_MCE;
    fault->severity = mca_severity(record, &row);
    fault->context = record->context;
    fault->address = 0;
    fault->lsb = FAULT_NO_LSB;
    fault->has_address = mca_address(record, &fault->address, &fault->lsb);
    fault->restartable = is_restartable(record, &rows[row]);
    fault->detail = record->status;
    fault->info = record->mcg_status;
}
