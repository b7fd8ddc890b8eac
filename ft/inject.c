/* SPDX-License-Identifier: BSD-2-Clause */
/* The inject and frame commands. ft chooses what is hit; making it happen is
 * vmm's and arch's business. */
#include "ft/ft_vm.h"
#include "ft/mirror.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/monitor.h"
#include "kernel/string.h"
#include "vmm/guest.h"
#include "vmm/inject.h"

/* Machine checks as banks report them: status, misc, MCG_STATUS. srao, ucna
 * and fatal are test vectors of Linux's mce-test; srar is what QEMU builds
 * for a data load (target/i386/kvm/kvm.c), and norip the same without RIPV.
 * To ft they are opaque. */
struct mce_vector {
    const char *name;
    uint64_t status, misc, mcg_status;
};

static const struct mce_vector vectors[] = {
    {"srar", 0xbd80000000000134, 0x8c, 7},
    {"norip", 0xbd80000000000134, 0x8c, 6},
    {"srao", 0xbd2000008000017a, 0x86, 5},
    {"ucna", 0xbc20000080000136, 0x86, 5},
    {"corrected", 0x9c00000000000134, 0x86, 5},
    {"fatal", 0xbf2000008000017a, 0x86, 5},
};

enum target {
    TARGET_DIRTY,
    TARGET_CLEAN,
    TARGET_PAGE,
    TARGET_COPY,
    TARGET_ADDRESS
};

struct injection {
    struct ft_vm *ft;
    enum target target;
    unsigned long value; /* host-physical address, or page */
    const struct mce_vector *vector;
    enum fault_context where;
};

/* ---- finding the frame ---- */

static uint64_t frame_of_page(const struct ft_vm *ft, uint64_t page)
{
    if (page >= ft->vm->guest->top >> 12 ||
        !guest_has_page(ft->vm->guest, page << 12)) {
        return NO_FRAME;
    }
    return cell_lookup(&ft->vm->cell, CELL_RAM + (page << 12));
}

static uint64_t frame_of_copy(const struct ft_vm *ft, uint64_t page)
{
    if (!ft->snapshot || page >= ft->vm->guest->top >> 12 ||
        !guest_has_page(ft->vm->guest, page << 12)) {
        return NO_FRAME;
    }
    return cell_lookup(
        &ft->vm->cell,
        (uint64_t)mirror_slot(ft->snapshot, ft->snapshot->copies[page].slot));
}

/* A page that was written since the newest snapshot, or one that was not;
 * any page where there is none of the kind. */
static uint64_t choose_page(const struct ft_vm *ft, bool dirty)
{
    struct guest *guest = ft->vm->guest;
    const uint64_t pages = guest->top >> 12;

    if (!ft->snapshot) {
        return 0;
    }
    guest_dirty_collect(guest);
    for (uint64_t page = 0; page < pages; page++) {
        if (guest_has_page(guest, page << 12) &&
            page_set_has(guest->dirty_bits, page) == dirty) {
            return page;
        }
    }
    return 0;
}

static uint64_t find_frame(const struct injection *injection)
{
    const struct ft_vm *ft = injection->ft;

    switch (injection->target) {
    case TARGET_DIRTY:
        return frame_of_page(ft, choose_page(ft, true));
    case TARGET_CLEAN:
        return frame_of_page(ft, choose_page(ft, false));
    case TARGET_PAGE:
        return frame_of_page(ft, injection->value);
    case TARGET_COPY:
        return frame_of_copy(ft, injection->value);
    case TARGET_ADDRESS:
        break;
    }
    return injection->value;
}

struct search {
    const struct injection *injection;
    uint64_t frame;
};

static int find_in_cell(void *argument)
{
    struct search *search = argument;

    search->frame = find_frame(search->injection);
    return 0;
}

static uint64_t locate(const struct injection *injection)
{
    struct search search = {injection, NO_FRAME};

    run_in_cell(&injection->ft->vm->cell, find_in_cell, &search);
    return search.frame;
}

/* ---- words ---- */

static bool take_vector(struct injection *injection, const char *word)
{
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        if (!strcmp(word, vectors[i].name)) {
            injection->vector = &vectors[i];
            return true;
        }
    }
    return false;
}

static bool take_context(struct injection *injection, const char *word)
{
    for (enum fault_context i = CONTEXT_GUEST; i <= CONTEXT_CORE; i++) {
        if (!strcmp(word, fault_context_name(i))) {
            injection->where = i;
            return true;
        }
    }
    return false;
}

/* A target that is one word. */
static bool take_target(struct injection *injection, const char *word)
{
    if (!strcmp(word, "dirty")) {
        injection->target = TARGET_DIRTY;
    } else if (!strcmp(word, "clean")) {
        injection->target = TARGET_CLEAN;
    } else if (!monitor_number(word, &injection->value)) {
        injection->target = TARGET_ADDRESS;
    } else {
        return false;
    }
    return true;
}

/* "page N" or "copy N". */
static bool take_page(struct injection *injection, const char *word,
                      const char *number)
{
    bool copy = !strcmp(word, "copy");

    if (!copy && strcmp(word, "page") != 0) {
        return false;
    }
    injection->target = copy ? TARGET_COPY : TARGET_PAGE;
    return number && !monitor_number(number, &injection->value);
}

static bool take_words(struct injection *injection, unsigned count,
                       char **words)
{
    for (unsigned i = 0; i < count; i++) {
        if (take_page(injection, words[i],
                      i + 1 < count ? words[i + 1] : NULL)) {
            i++;
        } else if (!take_vector(injection, words[i]) &&
                   !take_context(injection, words[i]) &&
                   !take_target(injection, words[i])) {
            return false;
        }
    }
    return true;
}

/* ---- commands ---- */

static int refuse(struct monitor *monitor, const struct ft_vm *ft, int error)
{
    monitor_print(monitor, "%s: %s", ft->vm->config->name,
                  error == -EBUSY ? "has ended" : "cannot be injected");
    return error;
}

static int inject_mce(struct monitor *monitor, struct ft_vm *ft, unsigned count,
                      char **words)
{
    struct injection injection = {
        .ft = ft, .vector = &vectors[0], .where = CONTEXT_GUEST};
    struct mce_request request;
    int error;

    if (!take_words(&injection, count, words)) {
        return -EINVAL;
    }
    request = (struct mce_request){
        .hpa = locate(&injection),
        .status = injection.vector->status,
        .misc = injection.vector->misc,
        .mcg_status = injection.vector->mcg_status,
        .where = injection.where,
    };
    if (request.hpa == NO_FRAME) {
        monitor_print(monitor, "%s: it has no such page", ft->vm->config->name);
        return -EFAULT;
    }
    monitor_print(monitor, "%s: %s at frame 0x%lx in %s", ft->vm->config->name,
                  injection.vector->name, request.hpa,
                  fault_context_name(request.where));
    error = guest_inject_mce(ft->vm, &request);
    return error ? refuse(monitor, ft, error) : 0;
}

static enum root_injection root_injection_named(const char *word)
{
    enum root_injection what = ROOT_INJECTIONS - 1;

    while (what > ROOT_MCE && strcmp(word, root_injection_name(what)) != 0) {
        what--;
    }
    return what;
}

/* Is this a place that a mistake of ours can be made in? The other kinds are
 * no mistakes of ours. */
static bool has_place(enum root_injection what)
{
    return what != ROOT_ENTRY && what != ROOT_MISCONFIG;
}

/* WHAT, and then "core" or, for a wild write, its address. */
static int inject_root(struct monitor *monitor, const struct ft_vm *ft,
                       unsigned count, char **words)
{
    struct root_request request = {.what = root_injection_named(words[0]),
                                   .address = ROOT_WILD_ADDRESS};
    int error;

    if (request.what <= ROOT_MCE) {
        return -EINVAL;
    }
    for (unsigned i = 1; i < count; i++) {
        if (!strcmp(words[i], "core") && has_place(request.what)) {
            request.in_core = true;
        } else if (request.what != ROOT_WILD_WRITE ||
                   monitor_number(words[i], &request.address)) {
            return -EINVAL;
        }
    }
    error = guest_inject_root(ft->vm, &request);
    return error ? refuse(monitor, ft, error) : 0;
}

static int inject_words(struct monitor *monitor, unsigned count, char **words)
{
    struct ft_vm *ft;

    if (count < 3) {
        return -EINVAL;
    }
    ft = ft_named(monitor, words[1]);
    if (!ft) {
        return -ENOENT;
    }
    if (vm_has_ended(ft->vm)) {
        return refuse(monitor, ft, -EBUSY);
    }
    if (!strcmp(words[2], "mce")) {
        return inject_mce(monitor, ft, count - 3, words + 3);
    }
    if (!strcmp(words[2], "flip")) {
        return inject_flip(monitor, ft, count - 3, words + 3);
    }
    return inject_root(monitor, ft, count - 2, words + 2);
}

static int inject(struct monitor *monitor, unsigned count, char **words)
{
    int error = inject_words(monitor, count, words);

    if (error == -EINVAL) {
        monitor_print(monitor, "WHAT is mce, and then, if wanted, of each:");
        monitor_print(monitor, "  dirty | clean | page N | copy N | ADDRESS");
        monitor_print(monitor, "  guest | serving | core");
        monitor_print(monitor,
                      "  srar | norip | srao | ucna | corrected | fatal");
        monitor_print(monitor, "or flip, a bit that changes silently, in");
        monitor_print(monitor, "  page N | copy N | old N | state");
        monitor_print(monitor, "or a mistake of ours while it is served:");
        monitor_print(monitor, "  nullwrite | ud | divide | gp | stack |");
        monitor_print(monitor, "  check | loop | wild [ADDRESS]; then, if");
        monitor_print(monitor, "  it is to be in a core section: core");
        monitor_print(monitor, "or of its own: entry | misconfig");
    }
    return error;
}

static void tell_frame(struct monitor *monitor, const struct ft_vm *ft,
                       uint64_t gpa, uint64_t hpa)
{
    struct event event;

    if (!monitor->to_events) {
        monitor_print(monitor, "%s: GPA 0x%lx is at HPA 0x%lx",
                      ft->vm->config->name, gpa, hpa);
    }
    event_begin(&event, "frame");
    event_text(&event, "vm", ft->vm->config->name);
    event_number(&event, "gpa", gpa);
    event_number(&event, "hpa", hpa);
    event_end(&event);
}

/* Which page the frame command means: a number, dirty or clean. */
static bool take_frame_words(struct injection *injection, unsigned count,
                             char **words)
{
    bool copy = count == 4 && !strcmp(words[3], "copy");

    if (count < 3 || count > 4 || (count == 4 && !copy) ||
        !take_target(injection, words[2])) {
        return false;
    }
    if (injection->target == TARGET_ADDRESS) {
        injection->target = copy ? TARGET_COPY : TARGET_PAGE;
        return true;
    }
    return !copy;
}

static int frame(struct monitor *monitor, unsigned count, char **words)
{
    struct injection injection = {.value = 0};
    uint64_t hpa, offset = 0;

    if (!take_frame_words(&injection, count, words)) {
        return -EINVAL;
    }
    injection.ft = ft_named(monitor, words[1]);
    if (!injection.ft) {
        return -ENOENT;
    }
    if (injection.target == TARGET_PAGE || injection.target == TARGET_COPY) {
        offset = injection.value & (PAGE_BYTES - 1);
        injection.value >>= PAGE_SHIFT;
    }
    hpa = locate(&injection);
    if (hpa == NO_FRAME) {
        monitor_print(monitor, "%s: %s is no RAM, or has no copy", words[1],
                      words[2]);
        return -EFAULT;
    }
    tell_frame(monitor, injection.ft,
               ((uint64_t)frame_lookup(hpa).page << PAGE_SHIFT) + offset,
               hpa + offset);
    return 0;
}

static const struct monitor_command commands[] = {
    {"inject", "VM WHAT...", "make a fault: a machine check, a bug of ours",
     inject},
    {"frame", "VM dirty|clean|GPA [copy]",
     "the host frame of a guest page, or of its copy", frame},
};

void ft_inject_register(void)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        monitor_register(&commands[i]);
    }
    ft_reach_register();
}
