/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for programs: one JSON object a line on COM2. */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_SIZE 768 /* bytes of a line; a longer event is dropped */

struct event {
    char text[EVENT_SIZE];
    size_t length;
    bool overflow;
};

/* Builds an event: begin, any fields, end. Never waits; an event that finds
 * no room is dropped and counted, and the next one tells ("lost"). */
void event_begin(struct event *event, const char *name);
void event_text(struct event *event, const char *key, const char *value);
void event_number(struct event *event, const char *key, uint64_t value);
void event_boolean(struct event *event, const char *key, bool value);
void event_end(struct event *event);

/* The same for what a guest can make as often as it likes: VM vm sends no
 * more than its part of a line that is crowded (kernel/share.h). False when
 * the event was dropped. */
bool event_end_of(struct event *event, uint16_t vm);

/* Somebody owes events, which others must not overtake: tell() is called
 * once, before the next event begins, and may itself begin events. It may be
 * called in a VM's turn. NULL: nothing is owed any more. */
void event_owe(void (*tell)(void));

/* Where lines go: set once by the owner of COM2. vm is whose line it is, or
 * FAULT_NO_VM. False when there is no room. */
void event_set_sink(bool (*sink)(const char *text, size_t length, uint16_t vm));

uint64_t event_lost(void);

#endif
