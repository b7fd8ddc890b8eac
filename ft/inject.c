/* SPDX-License-Identifier: BSD-2-Clause */
/* The inject command. ft chooses what is hit; making it happen is
 * vmm's and arch's business. */
#include "ft/ft_vm.h"
#include "ft/target.h"
#include "kernel/errno.h"
#include "kernel/monitor.h"
#include "kernel/string.h"
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

struct injection {
    struct target target;
    const struct mce_vector *vector;
    enum fault_context where;
};

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

static bool take_words(struct injection *injection, unsigned count,
                       char **words)
{
    for (unsigned i = 0; i < count; i++) {
        if (target_take_page(&injection->target, words[i],
                             i + 1 < count ? words[i + 1] : NULL)) {
            i++;
        } else if (!take_vector(injection, words[i]) &&
                   !take_context(injection, words[i]) &&
                   !target_take_word(&injection->target, words[i])) {
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
        .target = {.ft = ft}, .vector = &vectors[0], .where = CONTEXT_GUEST};
    struct mce_request request;
    int error;

    if (!take_words(&injection, count, words)) {
        return -EINVAL;
    }
    request = (struct mce_request){
        .hpa = target_locate(&injection.target),
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

static const struct monitor_command command = {
    "inject", "VM WHAT...", "make a fault: a machine check, a bug of ours",
    inject};

void ft_inject_register(void)
{
    monitor_register(&command);
    ft_frame_register();
    ft_reach_register();
}
