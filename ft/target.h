/* SPDX-License-Identifier: BSD-2-Clause */
/* Which frame of a VM is meant, in a monitor command's words. */
#ifndef FT_TARGET_H
#define FT_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct ft_vm;

enum target_kind {
    TARGET_DIRTY, /* a page that was written since the newest snapshot */
    TARGET_CLEAN, /* one that was not */
    TARGET_PAGE,  /* by its guest frame number */
    TARGET_COPY,  /* of such a page, in the newest snapshot */
    TARGET_ADDRESS
};

struct target {
    struct ft_vm *ft;
    enum target_kind kind;
    unsigned long value; /* host-physical address, or page */
};

/* Takes "dirty", "clean" or an address; false: it is another word. */
bool target_take_word(struct target *target, const char *word);

/* Takes "page N" or "copy N"; false: they are other words. number: NULL when
 * there is none. */
bool target_take_page(struct target *target, const char *word,
                      const char *number);

/* The host-physical address; NO_FRAME when the VM has no such page or copy.
 * From a safe point. */
uint64_t target_locate(const struct target *target);

#endif
